// Versions, tracks and projects go into the trash and come back as they were.
import { expect, idOf, test } from './app';

test('the trash lists what is there and gives it back', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  await page.getByRole('button', { name: 'More for version 1', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Move to the trash' }).click();
  await expect(page.getByText('Version 1 is in the trash.')).toBeVisible();
  await page.evaluate(() => (window.location.hash = '#/trash'));
  const row = page.getByRole('listitem').filter({ hasText: 'Version 1' });
  await expect(row).toContainText('Kept until');
  expect(await app.overflowing()).toEqual([]);
  await row.getByRole('button', { name: /Put back/u }).click();
  await expect(page.getByText('The trash is empty')).toBeVisible();
  expect(await app.calls('put_back')).toHaveLength(1);
});

test('a track is asked about first, leaves the lists, and one act brings everything back', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 5)}` });
  const name = await page.getByRole('heading', { level: 1 }).innerText();
  await page.locator('header').getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Move the track to the trash…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('within 35 days');
  await dialog.getByRole('button', { name: 'Move to the trash' }).click();
  await expect(page.getByText(`${name} is in the trash.`)).toBeVisible();
  await expect(page.getByRole('main').getByRole('link', { name: `Open ${name}` })).toHaveCount(0);
});

test('the approved version of a track stays, and says why', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  await page.locator('header').getByRole('button', { name: 'More' }).click();
  const act = page.getByRole('menuitem', { name: 'Move the track to the trash…' });
  await expect(act).toHaveAttribute('aria-disabled', 'true');
  await expect(act).toContainText('The approved version of a track stays.');
});

test('a whole project goes into the trash of the server and comes back', async ({ app, page }) => {
  await app.open({ at: `#/library/${idOf('prj', 1)}` });
  await page.locator('header').getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Move the project to the trash…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Move to the trash' }).click();
  const row = page.getByRole('region', { name: 'Projects' }).getByRole('listitem').filter({ hasText: 'Coastal Album' });
  await expect(row).toContainText('Kept until');
  await row.getByRole('button', { name: 'Put back Coastal Album' }).click();
  await expect(page.getByText('Coastal Album is back.')).toBeVisible();
});
