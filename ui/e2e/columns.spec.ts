// The columns of the catalogue: added, renamed, retired, and written as JSON, with what that would do.
import { expect, idOf, test } from './app';

const at = `#/columns/${idOf('prj', 1)}`;

test('a column is added, shown with its effect, and proposed', async ({ app, page }) => {
  await app.open({ at: '#/catalogue' });
  await page.getByRole('button', { name: 'Columns…' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Columns');
  await expect(page.getByRole('button', { name: 'Propose…' })).toHaveAccessibleDescription('These are the columns the catalogue has.');
  await page.getByRole('textbox', { name: 'Label of a new column' }).fill('Mastered by');
  await page.getByRole('button', { name: 'Add column' }).click();
  await expect(page.getByRole('textbox', { name: 'Name' })).toHaveValue('mastered_by');
  const effect = page.getByRole('region', { name: 'What this would do' });
  await expect(effect).toContainText('added Mastered by tracks.mastered_by');
  await expect(effect).toContainText('Every value of the catalogue fits.');
  await page.getByRole('button', { name: 'Propose…' }).click();
  await page.getByRole('dialog').getByRole('textbox', { name: 'Title' }).fill('Credits');
  await page.getByRole('dialog').getByRole('button', { name: 'Propose' }).click();
  await expect(page.getByRole('article').getByRole('heading', { level: 2 })).toHaveText('Credits');
  const [sent] = await app.calls('propose_schema');
  const document = JSON.parse(String(sent?.args.document)) as { tables: { tracks: { fields: { name: string }[] } } };
  expect(document.tables.tracks.fields.at(-1)).toEqual({ name: 'mastered_by', label: 'Mastered by', type: 'text' });
});

test('renaming moves values along, retiring keeps them in the history, and undo takes both back', async ({ app, page }) => {
  await app.open({ at });
  await page.getByRole('button', { name: /^Main artist/u }).click();
  const name = page.getByRole('textbox', { name: 'Name' });
  await name.fill('artist');
  await name.blur();
  const effect = page.getByRole('region', { name: 'What this would do' });
  await expect(effect).toContainText('renamed Main artist tracks.artist was main_artist');
  await page.getByRole('button', { name: 'Retire bpm' }).click();
  await expect(effect).toContainText('retired');
  await expect(effect).toContainText('Values of a retired column stay in the history.');
  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await expect(effect).toHaveCount(0);
  expect(await app.calls('propose_schema')).toEqual([]);
});

test('what is wrong stands at the column and key it is about, and blocks proposing', async ({ app, page }) => {
  await app.open({ at });
  await page.getByRole('button', { name: /^BPM/u }).click();
  const name = page.getByRole('textbox', { name: 'Name' });
  await name.fill('Beats per minute');
  await name.blur();
  await expect(name).toHaveAttribute('aria-invalid', 'true');
  await expect(name).toHaveAccessibleDescription(/is no field name/u);
  await expect(page.getByRole('alert').first()).toContainText('$.tables.tracks.fields');
  await expect(page.getByRole('button', { name: 'Propose…' })).toHaveAccessibleDescription('Put right what is marked first.');
});

test('narrowing a choice shows the values that would not fit', async ({ app, page }) => {
  await app.open({ at });
  await page.getByRole('button', { name: /^Explicit/u }).click();
  const words = page.getByRole('textbox', { name: 'Words to choose from' });
  await words.fill('clean');
  await words.blur();
  await expect(page.getByRole('heading', { name: '1 value does not fit' })).toBeVisible();
  await expect(page.getByText('It can be proposed, but not approved until they fit.')).toBeVisible();
});

test('the document is edited as JSON, with the line of what is wrong', async ({ app, page }) => {
  await app.open({ at });
  await page.getByRole('tab', { name: 'JSON' }).click();
  const area = page.getByRole('textbox', { name: 'Columns as JSON' });
  const text = await area.inputValue();
  await area.fill(text.replace('"type": "text"', '"type": "txt"'));
  await expect(page.getByRole('alert')).toContainText('line 9');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  expect(await area.evaluate((each: HTMLTextAreaElement) => each.value.slice(each.selectionStart, each.selectionEnd).trim())).toBe(
    '"type": "txt",',
  );
  await area.fill('{');
  await expect(page.getByRole('alert')).toBeVisible();
  await page.getByRole('tab', { name: 'Tracks' }).click();
  await expect(page.getByText('The JSON cannot be read.')).toBeVisible();
  await page.getByRole('button', { name: 'Discard' }).click();
  await expect(page.getByRole('button', { name: /^Title/u })).toBeVisible();
});

test('members read the columns and change nothing', async ({ app, page }) => {
  await app.open({ studio: 'role=member', at });
  await expect(page.getByText('Admins and owners change the columns.').first()).toBeVisible();
  await expect(page.getByRole('button', { name: 'Add column' })).toHaveCount(0);
  await page.getByRole('button', { name: /^Title/u }).click();
  await expect(page.getByRole('textbox', { name: 'Name' })).toBeDisabled();
});
