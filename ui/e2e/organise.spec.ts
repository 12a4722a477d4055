// Where versions belong, what stays on this computer, and how much of the network syncing uses.
import { expect, idOf, test } from './app';

test('a version moves to another track of the project and the page follows it', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  await page.getByRole('button', { name: 'More for version 3', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Move to another track…' }).click();
  const dialog = page.getByRole('dialog');
  const move = dialog.getByRole('button', { name: 'Move' });
  await expect(move).toHaveAccessibleDescription('Choose a track first.');
  await dialog.getByLabel('Track').selectOption('Low Tide');
  await move.click();
  await expect(page.getByRole('heading', { level: 1, name: 'Low Tide' })).toBeVisible();
  await expect(page.getByText('Now part of Low Tide.')).toBeVisible();
  expect((await app.calls('move_versions'))[0]?.args.track).toBe(idOf('trk', 2));
});

test('a version becomes a track of its own, and two tracks become one', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  await page.getByRole('button', { name: 'More for version 2', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Make it a track of its own…' }).click();
  await page.getByRole('dialog').getByLabel('Name of the track').fill('Night Drive, half time');
  await page.getByRole('dialog').getByRole('button', { name: 'Make a track' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Night Drive, half time' })).toBeVisible();
  await page.locator('header').getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Join with another track…' }).click();
  await page.getByRole('dialog').getByLabel('Track').selectOption('Night Drive');
  await page.getByRole('dialog').getByRole('button', { name: 'Join' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Night Drive', exact: true })).toBeVisible();
});

test('a refusal is told in the dialog, and what was chosen stays', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  await page.getByRole('button', { name: 'More for version 1', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Kind…' }).click();
  await page.evaluate(() => {
    const fake = window.collabtrackFake as { failNext(name: string, error: { code: string; message: string; hint: null }): void };
    fake.failNext('set_kind', { code: 'invalid', message: 'This version is in the trash.', hint: null });
  });
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Kind').selectOption('rough');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog.getByText('This version is in the trash.')).toBeVisible();
  await expect(dialog.getByLabel('Kind')).toHaveValue('rough');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toHaveCount(0);
});

test('an original is kept here whatever the project says, and no longer', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  const more = page.getByRole('button', { name: 'More for version 11', exact: true });
  await more.click();
  await page.getByRole('menuitem', { name: 'Keep the original here' }).click();
  await expect(page.getByText('The original of version 11 stays on this computer.')).toBeVisible();
  await more.click();
  await page.getByRole('menuitem', { name: 'No longer keep the original here' }).click();
  expect((await app.calls('pin')).map((call) => call.args.pinned)).toEqual([true, false]);
});

test('what a project takes and keeps is chosen, checked and remembered', async ({ app, page }) => {
  await app.open({ at: `#/library/${idOf('prj', 1)}` });
  const open = async (): Promise<void> => {
    await page.locator('header').getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Files on this computer…' }).click();
  };
  await open();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('spinbutton', { name: 'Versions of each track' }).fill('5');
  await expect(dialog.getByLabel('Those of the newest versions')).toBeChecked();
  await dialog.getByLabel('Room for the originals').fill('many');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog.getByText('A number above 0, or nothing for no limit.')).toBeVisible();
  expect(await app.calls('set_keeping')).toEqual([]);
  await dialog.getByLabel('Room for the originals').fill('2,5');
  await dialog.getByLabel('Leave out').fill('*_temp.wav\n\n  Old/*  ');
  await dialog.getByLabel('DAW sessions').check();
  expect(await app.overflowing()).toEqual([]);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toHaveCount(0);
  expect((await app.calls('set_keeping'))[0]?.args).toMatchObject({ originals: 'latest:5', budgetBytes: 2_500_000_000 });
  expect((await app.calls('set_capture_rules'))[0]?.args.rules).toEqual({ left_out: ['*_temp.wav', 'Old/*'], sessions: true });
  await open();
  await expect(dialog.getByRole('spinbutton', { name: 'Versions of each track' })).toHaveValue('5');
  await expect(dialog.getByLabel('Leave out')).toHaveValue('*_temp.wav\nOld/*');
});

test('limits of the network are told in Mbit/s', async ({ app, page }) => {
  await app.open({ at: '#/settings' });
  const section = page.getByRole('region', { name: 'Network' });
  await section.getByLabel('Sending').fill('-1');
  await section.getByRole('button', { name: 'Save' }).click();
  await expect(section.getByRole('alert')).toHaveText('A number above 0, or nothing for no limit.');
  await section.getByLabel('Sending').fill('2.5');
  await section.getByRole('button', { name: 'Save' }).click();
  await expect(section.getByRole('alert')).toHaveCount(0);
  expect((await app.calls('set_limits')).map((call) => call.args.limits)).toEqual([{ up_bytes_per_s: 312_500, down_bytes_per_s: null }]);
});
