import ts from 'typescript';

/*
 * Assertions that hold whatever is answered, or that hold on one machine and not on another. Tap takes `[]` and `{}` for
 * "anything" in a pattern, and a `rejects` without an expectation for "any error", so a typing error in a test passes, too.
 */

/** What is wrong with the assertions of a test, each in a sentence that says what to do instead. */
export function complaintsOfAssertions(path: string, text: string): string[] {
  if (!path.startsWith('test/')) return [];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const times = namesOfTimes(source);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const complaint = ts.isCallExpression(node) ? complaintOfCall(node, times) : complaintOfPause(node);
    if (complaint !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push(`line ${line + 1}: ${complaint}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function complaintOfCall(call: ts.CallExpression, times: Set<string>): string | undefined {
  if (!ts.isPropertyAccessExpression(call.expression)) return undefined;
  const [first, second, third] = call.arguments;
  switch (call.expression.name.text) {
    case 'match':
    case 'has':
      return second !== undefined && holdsAnything(second)
        ? 'a pattern of [] or {} holds whatever is there: compare with t.strictSame, or say what is in it.'
        : undefined;
    case 'rejects':
    case 'throws':
      return isExpectation(second, third !== undefined)
        ? undefined
        : 'any error would do: name the one that is expected, by its code, its name or a part of its message.';
    case 'ok':
    case 'notOk':
    case 'equal':
      return first !== undefined && comparesTimes(first, times)
        ? 'how long it took is for t.comment and bench/ to tell: a slow machine is no fault.'
        : undefined;
    default:
      return undefined;
  }
}

/** Sleeping in the hope that something has happened. */
function complaintOfPause(node: ts.Node): string | undefined {
  if (!ts.isNewExpression(node) || node.expression.getText() !== 'Promise') return undefined;
  return /\bsetTimeout\(/.test(node.getText())
    ? 'nobody knows how long is long enough: wait for what happens, with test/support/waiting.ts.'
    : undefined;
}

/** Whether a pattern is an empty list or object, or has one somewhere in it. */
function holdsAnything(pattern: ts.Node): boolean {
  if (ts.isArrayLiteralExpression(pattern))
    return pattern.elements.length === 0 || pattern.elements.some(holdsAnything);
  if (ts.isObjectLiteralExpression(pattern)) {
    return (
      pattern.properties.length === 0 ||
      pattern.properties.some(one => ts.isPropertyAssignment(one) && holdsAnything(one.initializer))
    );
  }
  return ts.isAsExpression(pattern) || ts.isParenthesizedExpression(pattern)
    ? holdsAnything(pattern.expression)
    : false;
}

/** Whether an argument says which error is expected. A name may stand for a message, unless a message follows it. */
function isExpectation(expected: ts.Expression | undefined, isFollowed: boolean): boolean {
  if (expected === undefined) return false;
  if (ts.isRegularExpressionLiteral(expected)) return !/^\/\^?\.?[*+]?\$?\/\w*$/.test(expected.text);
  if (ts.isObjectLiteralExpression(expected)) return !holdsAnything(expected);
  if (ts.isNewExpression(expected)) return true;
  return ts.isIdentifier(expected) && isFollowed;
}

const clocks = /\b(performance|Date)\.now\(|\bhrtime\b/;

/** Names that hold an instant of a clock, or how long something took. */
function namesOfTimes(source: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  const isTime = (value: ts.Node) => clocks.test(value.getText(source)) || mentions(value, names);
  const visit = (node: ts.Node): void => {
    const [target, value] = ts.isVariableDeclaration(node)
      ? [node.name, node.initializer]
      : ts.isBinaryExpression(node) && /^[-+*/]?=$/.test(node.operatorToken.getText(source))
        ? [node.left, node.right]
        : [];
    // A function that looks at the clock is none, but what it answers may be.
    const isValue = value !== undefined && !ts.isFunctionLike(value) && !/=>|\bfunction\b/.test(value.getText(source));
    if (target !== undefined && isValue && isTime(value)) {
      for (const name of target.getText(source).match(/\b[a-z]\w*(?=[^.\w]*$)/gi) ?? []) names.add(name);
    }
    const adds = ts.isCallExpression(node) && /\.push$/.test(node.expression.getText(source));
    if (adds && node.arguments.some(isTime)) names.add(node.expression.getText(source).replace(/\.push$/, ''));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

function comparesTimes(condition: ts.Node, times: Set<string>): boolean {
  let compares = false;
  const visit = (node: ts.Node): void => {
    const isOrder = ts.isBinaryExpression(node) && /^[<>]=?$/.test(node.operatorToken.getText());
    if (isOrder && (clocks.test(node.getText()) || mentions(node, times))) compares = true;
    ts.forEachChild(node, visit);
  };
  visit(condition);
  return compares;
}

function mentions(node: ts.Node, names: Set<string>): boolean {
  if (ts.isIdentifier(node)) return names.has(node.text);
  return ts.forEachChild(node, child => mentions(child, names) || undefined) ?? false;
}
