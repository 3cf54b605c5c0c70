import { type Ask, at, get, placed, post, type Sample } from '../sample-calls.ts';
import { smallPhoto } from '../small-photo.ts';
import type { World } from '../world.ts';

export const photosSamples: Record<string, Sample> = {
  photoCreate: placed(async (world, ask) =>
    // A household uploads for itself, and another one's name would not be found.
    post(
      `${at(ask.village)}/photos${ask.role === 'household' ? '' : `?householdId=${await ask.household()}`}`,
      smallPhoto(world.next('photo')),
    ),
  ),
  photoGet: placed(async (world, ask) => get(photoAt(ask.village, (await photoFor(world, ask)).id))),
  photoDelete: placed(async (world, ask) => ({
    method: 'DELETE',
    url: photoAt(ask.village, (await photoFor(world, ask)).id),
  })),
  photoSimilarList: placed(async (world, ask) =>
    get(`${photoAt(ask.village, (await photoFor(world, ask)).id)}/similar`),
  ),
  photoContentGet: placed(async (world, ask) => get((await photoFor(world, aboutNobody(world, ask))).links.thumb)),
};

const photoAt = (village: string, id: string) => `${at(village)}/photos/${id}`;

/** A link is for anybody, so the photo may lie in a village where the caller has nothing to say. */
const aboutNobody = (world: World, { village }: Ask): Ask => ({
  village,
  household: () => world.service.household({}, village),
});

/** A photo of the household, from whoever will call if it may upload one. */
async function photoFor(world: World, ask: Ask): Promise<{ id: string; links: { thumb: string } }> {
  const own =
    ask.caller !== undefined && ['household', 'clerk', 'storekeeper', 'villageAdmin'].includes(ask.role ?? '');
  const uploader = own ? ask.caller! : await world.by('clerk', ask.village);
  // A storekeeper sees the village's own alone.
  const of = ask.role === 'storekeeper' ? 'ofVillage=true' : `householdId=${await ask.household()}`;
  const url = `${at(ask.village)}/photos?${of}`;
  return world.made(uploader, 'POST', url, smallPhoto(world.next('photo')));
}
