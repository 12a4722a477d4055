// A CSV on its way in: four steps, nothing written before the reviewed diff.
import type { Page } from '@playwright/test';
import { expect, idOf, test, type AppPage } from './app';

async function choose(app: AppPage, page: Page, studio = ''): Promise<void> {
  await app.open({ studio, at: `#/import/${idOf('prj', 1)}/tracks` });
  await page.getByRole('button', { name: 'Choose CSV file…' }).click();
  await page.getByRole('heading', { name: 'spring.csv' }).waitFor();
}
const step = (page: Page, name: string) => page.getByRole('list', { name: 'Steps' }).getByRole('button', { name });

test('an import shows what it adds, changes, clears and deletes, then becomes a proposal', async ({ app, page }) => {
  await choose(app, page);
  await expect(page.getByLabel('Read as')).toHaveValue('utf8');
  await expect(page.getByText('1 row, left alone')).toBeVisible();
  for (const name of ['Columns', 'Check', 'Review']) {
    await page.getByRole('button', { name: 'Next' }).click();
    await expect(step(page, name)).toHaveAttribute('aria-current', 'step');
  }
  await expect(page.getByRole('table', { name: 'Rows that go' })).toContainText('deleted');
  await expect(page.getByRole('table', { name: 'Cells that become empty' })).toContainText('cleared');
  const rest = page.getByRole('table', { name: 'Added and changed' });
  await expect(rest).toContainText('added');
  await expect(rest).toContainText('changed');
  await page.getByRole('button', { name: 'Back', exact: true }).click();
  await expect(page.getByText('212 cells of UPC changed by the spreadsheet, not by you: ignored')).toBeVisible();
  await page.getByRole('button', { name: 'Next' }).click();
  expect(await app.calls('import_propose')).toEqual([]);
  await page.getByRole('button', { name: 'Propose…' }).click();
  await page.getByRole('dialog').getByRole('textbox', { name: 'Title' }).fill('Spring numbers');
  await page.getByRole('dialog').getByRole('button', { name: 'Propose' }).click();
  await expect(page.getByRole('article').getByRole('heading', { level: 2 })).toHaveText('Spring numbers');
  expect(await app.calls('import_propose')).toHaveLength(1);
});

test('problems stand in groups, are settled at once, and block proposing until then', async ({ app, page }) => {
  await choose(app, page, 'import=errors');
  await step(page, 'Check').click();
  await expect(page.getByRole('heading', { name: '2 errors in the way' })).toBeVisible();
  await expect(page.getByRole('heading', { name: '13 questions only you can answer' })).toBeVisible();
  const dates = page.getByRole('listitem').filter({ hasText: '12 cells of Release date' }).first();
  await dates.getByRole('button', { name: 'Show' }).click();
  await expect(dates).toContainText('Row 42, Release date');
  await dates.getByRole('button', { name: 'Use day/month/year for all 12 rows' }).click();
  await expect(page.getByRole('heading', { name: '1 question only you can answer' })).toBeVisible();
  await page.getByRole('button', { name: 'It is the same row' }).click();
  await expect(page.getByRole('heading', { name: /question/u })).toHaveCount(0);
  await page.getByRole('button', { name: 'Use QZABC2600012' }).click();
  await expect(page.getByRole('heading', { name: '1 error in the way' })).toBeVisible();
  await page.getByRole('button', { name: 'Save the problem rows…' }).click();
  await expect(page.getByText('Saved as /home/mara/Documents/problems.csv')).toBeVisible();
  await step(page, 'Review').click();
  await expect(page.getByRole('button', { name: 'Propose…' })).toHaveAccessibleDescription('Errors and open questions block proposing.');
  const sent = await app.calls('import_answer');
  expect(sent.at(-1)?.args.answers).toMatchObject({ styles: { release_date: { date_order: 'day_month' } }, accepted: [[9, 'isrc']] });
});

test('one cell and one row are settled alone: a suggestion of several, taken literally, the same row or a new one', async ({
  app,
  page,
}) => {
  await choose(app, page, 'import=errors');
  await step(page, 'Check').click();
  const dates = page.getByRole('listitem').filter({ hasText: '12 cells of Release date' }).first();
  await dates.getByRole('button', { name: 'Show' }).click();
  const cell = dates.getByRole('listitem').filter({ hasText: 'Row 43, Release date' });
  await cell.getByRole('button', { name: 'Use 2026-03-05' }).click();
  await expect(page.getByText('11 cells of Release date')).toBeVisible();
  const match = page.getByRole('listitem').filter({ hasText: 'an id, or a row like no other' }).first();
  await match.getByRole('button', { name: 'Show' }).click();
  await match.getByRole('listitem').getByRole('button', { name: 'Make it a new row' }).click();
  await expect(match).toHaveCount(0);
  const damaged = page.getByRole('region', { name: '212 cells of UPC' });
  await damaged.getByRole('button', { name: 'Show' }).click();
  await expect(damaged.getByText('and 12 more; one answer for the group settles them too')).toBeVisible();
  await damaged.getByRole('listitem').filter({ hasText: 'Row 3, UPC' }).first().getByRole('button', { name: 'Take it literally' }).click();
  await page.getByRole('button', { name: 'Take all 211 literally' }).click();
  await expect(page.getByText('cells of UPC')).toHaveCount(0);
  expect((await app.calls('import_answer')).at(-1)?.args.answers).toMatchObject({
    chosen: [[43, 'release_date', '2026-03-05']],
    rows: { '60': { row: 'new' } },
    literal: [[3, 'upc']],
    groups: { 'damage:upc': 'literal' },
  });
});

test('a file older than the catalogue says so, keeps rows that came since, and shows conflicts with three values', async ({
  app,
  page,
}) => {
  await choose(app, page, 'import=stale');
  await expect(page.getByText('Exported from catalogue 41, now 44.')).toBeVisible();
  await expect(page.getByText('2 rows added since the export, left alone in any case')).toBeVisible();
  await step(page, 'Review').click();
  const conflicts = page.getByRole('table', { name: 'Changed by somebody else since the export' });
  for (const value of ['120.00', '121.00', '122.00']) await expect(conflicts).toContainText(value);
  await expect(page.getByRole('table', { name: 'Added and changed' })).not.toContainText('121.00');
});

test('a file whose edits are all in the catalogue already changes nothing and cannot be proposed', async ({ app, page }) => {
  await choose(app, page, 'import=already');
  await step(page, 'Review').click();
  await expect(page.getByText('Every cell equals the catalogue.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Propose…' })).toHaveAccessibleDescription('This file changes nothing.');
});

test('what empty cells mean is what is done, and can be chosen, where only some rows say what they were exported from', async ({
  app,
  page,
}) => {
  await choose(app, page, 'import=columns');
  await expect(page.getByLabel('Empty cells')).toHaveValue('apply_known');
  await page.getByLabel('Empty cells').selectOption('ignore');
  expect((await app.calls('import_answer')).at(-1)?.args.answers).toMatchObject({ blanks: 'ignore' });
});

test('unknown, missing and double columns are named, and nothing is dropped silently', async ({ app, page }) => {
  await choose(app, page, 'import=columns');
  await expect(page.getByText('newer values may be overwritten')).toBeVisible();
  await step(page, 'Columns').click();
  await expect(page.getByRole('alert')).toContainText('found two columns for isrc, expected one');
  await expect(page.getByText('1 column is not known here.')).toBeVisible();
  await expect(page.getByText('Not in the file, so untouched: Composers.')).toBeVisible();
  const row = page.getByRole('row').filter({ hasText: 'Mood board' });
  await expect(row).toContainText('Its values look like names.');
  await row.getByRole('button', { name: 'Use as Composers' }).click();
  await expect(page.getByText('Every column is known or left out.')).toBeVisible();
  await row.getByRole('combobox').selectOption('');
  await expect(row).toContainText('Left out.');
  expect((await app.calls('import_answer')).at(-1)?.args.answers).toMatchObject({ columns: { 'Mood board': { use: 'ignore' } } });
});

test('a file of another encoding says so and is read again as chosen', async ({ app, page }) => {
  await choose(app, page, 'import=unreadable');
  await expect(page.getByRole('alert')).toContainText('Nothing in the catalogue was touched. Choose how it is to be read.');
  await page.getByLabel('Read as').selectOption('windows1252');
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(page.getByText('17 rows')).toBeVisible();
});

test('missing rows are deleted only when the file is said to be complete and the number typed', async ({ app, page }) => {
  await choose(app, page);
  await page.getByLabel('The file is complete: missing rows are to be deleted').check();
  await expect(page.getByText('1 in the way')).toBeVisible();
  await page.getByLabel('Type how many rows go').fill('1');
  await page.getByRole('button', { name: 'Confirm' }).click();
  await expect(page.getByText('1 in the way')).toHaveCount(0);
  expect((await app.calls('import_answer')).at(-1)?.args.answers).toMatchObject({ missing_rows: { missing: 'delete', confirmed: 1 } });
});

test('Escape asks once; a file that is left waits with its answers, one that is thrown away is gone', async ({ app, page }) => {
  await choose(app, page);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog', { name: 'Leave the import?' })).toBeVisible();
  await page.getByRole('button', { name: 'Stay here' }).click();
  await expect(page.getByRole('heading', { name: 'spring.csv' })).toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Leave', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Catalogue');
  // File and answers wait until they are thrown away.
  await page.getByRole('button', { name: 'Import…' }).first().click();
  await expect(page.getByRole('heading', { name: 'spring.csv' })).toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Throw away' }).click();
  await page.getByRole('button', { name: 'Import…' }).first().click();
  await expect(page.getByText('Choose the edited file')).toBeVisible();
});

test('a server that does not answer leaves the file where it was', async ({ app, page }) => {
  await app.open({ at: `#/import/${idOf('prj', 1)}/tracks` });
  await app.studio((fake) => {
    fake.failNext('import_catalogue', {
      code: 'server_unreachable',
      message: 'The server did not answer, so the file was not checked. Nothing was changed.',
      hint: 'Try again when you are online.',
    });
  }, null);
  await page.getByRole('button', { name: 'Choose CSV file…' }).click();
  await expect(page.getByRole('alert')).toContainText('Nothing was changed.');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('heading', { name: 'spring.csv' })).toBeVisible();
});
