// Bad input and bad days, as they are seen: each is said on the screen, in words, and nothing is lost.
import { expect, idOf, test } from './app';

const project = idOf('prj', 1);

test('files that grow, are empty or hold no sound are named, with what to do', async ({ app, page }) => {
  await app.open({ at: `#/library/${project}` });
  const list = page.getByRole('region', { name: 'Not versions yet' });
  await expect(list).toContainText('Still being written');
  const row = (name: string) => list.getByRole('listitem').filter({ hasText: name });
  await expect(row('Bounce_final.wav')).toContainText(
    'Another program is still writing it. It becomes a version by itself as soon as it is finished.',
  );
  await expect(row('Old takes/Take 7.aif')).toContainText('It is empty, so there is nothing to hear.');
  await app.studio((fake, candidate) => fake.addCandidate(candidate), {
    id: 'cand_3',
    project,
    path: 'Empty.wav',
    state: 'not_readable',
    message: 'It holds no sound that can be played. Export it again; it is then taken by itself.',
  });
  await expect(row('Empty.wav')).toContainText('It holds no sound that can be played.');
  await app.studio((fake, candidate) => fake.addCandidate(candidate), {
    id: 'cand_4',
    project,
    path: 'Long night.wav',
    state: 'unsettled',
    message: 'It has been changing for ten minutes. It is safe where it is.',
  });
  await list.getByRole('button', { name: 'Take a version now anyway' }).click();
  await expect(list).not.toContainText('Long night.wav');
  expect((await app.calls('take_now')).map((call) => call.args.candidate)).toEqual(['cand_4']);
});

test('a folder that is gone pauses, removes nothing, and goes on when it is back', async ({ app, page }) => {
  await app.open({ at: `#/library/${project}` });
  await app.studio((fake, id) => fake.setRoot(id, 'missing'), project);
  await expect(page.getByText('Drive not connected. Nothing was removed.')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Night Drive' })).toBeVisible();
  await app.studio((fake, id) => fake.setRoot(id, 'watching'), project);
  await expect(page.getByText('Drive not connected. Nothing was removed.')).toHaveCount(0);
  await app.studio((fake, id) => fake.setRoot(id, 'polling'), project);
  await expect(page.getByText('Looked through every 30 s.')).toBeVisible();
});

test('a server that stops answering is said once, and everything here goes on', async ({ app, page }) => {
  await app.open({ at: '#/library' });
  await app.studio((fake) => fake.setConnection('offline'), null);
  await expect(page.getByText(/Offline since/u)).toBeVisible();
  await page.getByRole('button', { name: 'Play Night Drive' }).click();
  await expect(page.locator('#player').getByRole('button', { name: 'Pause' })).toBeVisible();
  await app.studio((fake) => fake.setConnection('connected'), null);
  await expect(page.getByText(/Offline since/u)).toHaveCount(0);
});

test('a store that refuses a version is said with its reason, and can be tried again', async ({ app, page }) => {
  await app.open({ at: '#/library' });
  await app.studio(
    (fake, track) => {
      fake.setSync(track, {
        state: 'needs_you',
        because: 'The store refused it: its disk is full. The version is safe on this computer. Ask whoever runs the server.',
      });
    },
    idOf('trk', 1),
  );
  const alert = page.getByRole('alert', { name: '1 version does not get to the server' });
  await expect(alert).toContainText('Night Drive, version 12: The store refused it: its disk is full.');
  await alert.getByRole('button', { name: 'Try again' }).click();
  expect(await app.calls('sync_now')).toHaveLength(1);
  await app.studio((fake, track) => fake.setSync(track, { state: 'synced', because: null }), idOf('trk', 1));
  await expect(alert).toHaveCount(0);
});

test('ten thousand tracks and versions stay quick and few in the page', async ({ app, page }) => {
  test.setTimeout(60_000);
  await app.open({ studio: 'many=10000', at: '#/library' });
  const tracks = page.getByRole('table', { name: 'Tracks' });
  await expect(tracks).toHaveAttribute('aria-rowcount', /^100\d\d$/u);
  expect(await tracks.evaluate((table) => table.querySelectorAll('*').length)).toBeLessThan(1400);
  await page.locator('main').evaluate((main) => main.scrollTo(0, main.scrollHeight));
  await expect(page.getByRole('link', { name: 'Sketch 10000', exact: true })).toBeVisible();
  await app.open({ studio: 'many=10000', at: `#/track/${idOf('trk', 1)}` });
  const history = page.getByRole('table', { name: 'History' });
  expect(await history.evaluate((table) => table.querySelectorAll('*').length)).toBeLessThan(1800);
  await page.locator('main').evaluate((main) => main.scrollTo(0, main.scrollHeight));
  await expect(history.getByText('Phone sketch')).toBeVisible();
});

test('the history stands beside the details at 1280 pixels, never under them', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  const right = await page.getByRole('table', { name: 'History' }).evaluate((table) => table.getBoundingClientRect().right);
  const left = await page.locator('#inspector').evaluate((inspector) => inspector.getBoundingClientRect().left);
  expect(right).toBeLessThanOrEqual(left);
  for (const button of await page.getByRole('table', { name: 'History' }).getByRole('button').all()) {
    const box = await button.boundingBox();
    if (box) expect(box.x + box.width).toBeLessThanOrEqual(left);
  }
});
