// Other keys for commands, chosen in the settings.
import { expect, test } from './app';

test('a command gets another key, unless another command has it, and keeps it', async ({ app, page }) => {
  await app.open({ at: '#/settings' });
  await page.getByText('Change keys', { exact: true }).click();
  const change = page.getByRole('button', { name: 'Change the key of “Flip A and B”' });
  const row = page.getByRole('listitem').filter({ has: change });
  const note = page.getByRole('status').filter({ hasText: /\S/u });
  await change.click();
  await page.keyboard.press('k');
  await expect(note).toContainText('K is “Play, pause”. Press another key, or change that one first.');
  await page.keyboard.press('Enter');
  await expect(note).toContainText('Enter cannot be a shortcut.');
  await page.keyboard.press('q');
  await expect(note).toContainText('“Flip A and B” is Q now.');
  await expect(row.locator('kbd')).toHaveText('Q');
  await page.reload();
  await page.getByText('Change keys', { exact: true }).click();
  await expect(row.locator('kbd')).toHaveText('Q');
  await page.getByRole('button', { name: 'Reset the key of “Flip A and B”' }).click();
  await expect(row.locator('kbd')).toHaveText('X');
  await change.click();
  await page.keyboard.press('Escape');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Shortcuts' })).toBeVisible();
});
