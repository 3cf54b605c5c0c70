import { Refusal, type RefusalCode } from '../refusals.ts';

/**
 * Constraints that decide races, and the refusal each of them means. A constraint that is not here and fires is a bug:
 * the code had to check first.
 */
export const refusalsByConstraint: Record<string, RefusalCode> = {
  user_login_key: 'already-exists',
  grant_open_key: 'already-exists',
  grant_second_person: 'second-person-required',
  grant_end_second_person: 'second-person-required',
  grant_confirmed_by_another: 'second-person-required',
  division_pkey: 'already-exists',
  village_pkey: 'already-exists',
  grid_pkey: 'already-exists',
  policy_pkey: 'already-exists',
  household_number_key: 'already-exists',
  kin_own_key: 'already-exists',
  change_open_key: 'already-exists',
  change_closing_key: 'already-exists',
  change_second_person: 'second-person-required',
  kin_end_second_person: 'second-person-required',
  join_application_second_person: 'second-person-required',
  join_application_editors: 'second-person-required',
  own_household: 'own-household',
  store_name_key: 'already-exists',
  kiosk_thumbprint_key: 'already-exists',
  goods_sku_key: 'already-exists',
  goods_barcode_key: 'already-exists',
  price_list_valid_from_key: 'business-date-refused',
  price_list_first_key: 'business-date-refused',
  stock_document_second_person: 'second-person-required',
  return_second_person: 'second-person-required',
  return_open_key: 'already-exists',
  round_standing_key: 'already-exists',
  round_second_person: 'second-person-required',
  run_standing_key: 'already-exists',
  run_second_person: 'second-person-required',
  rule_book_second_person: 'second-person-required',
  rule_book_editors: 'second-person-required',
  award_standing_key: 'award-duplicate',
  award_second_person: 'second-person-required',
  claim_open_key: 'award-duplicate',
  claim_second_person: 'second-person-required',
  claim_confirmed: 'second-person-required',
  decision_person_key: 'second-person-required',
  decision_second_person: 'second-person-required',
  reversal_open_key: 'already-exists',
  reversal_second_person: 'second-person-required',
  arrears_waiver_open_key: 'already-exists',
  arrears_waiver_second_person: 'second-person-required',
  notice_line_entered_by_another: 'second-person-required',
  notice_line_decided_by_others: 'second-person-required',
  notice_line_struck_by_another: 'second-person-required',
  notice_line_struck_by_kin: 'own-household',
  objection_open_key: 'already-exists',
  objection_second_person: 'second-person-required',
  objection_own_household: 'own-household',
  appeal_objection_key: 'already-exists',
  appeal_award_key: 'already-exists',
  appeal_second_person: 'second-person-required',
  appeal_own_household: 'own-household',
};

export function refusalOfConstraint(name: string): Refusal | undefined {
  const code = refusalsByConstraint[name];
  return code === undefined ? undefined : new Refusal(code);
}
