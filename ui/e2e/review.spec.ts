import { expect, idOf, test, type AppPage } from './app';

const undoMs = 10_000;

/** Puts the page on a clock the test moves by hand. */
async function open(app: AppPage, at: string, studio = ''): Promise<void> {
  await app.page.clock.install();
  await app.open({ at, studio });
}

test('approving with undo: one request after ten seconds, for the revision shown', async ({ app, page }) => {
  await open(app, `#/inbox/${idOf('chg', 1)}`);
  const approve = page.getByRole('button', { name: 'Approve version 12' });
  await expect(approve).toHaveAttribute('aria-disabled', 'true');
  await page.getByRole('button', { name: 'Replaces the approved version' }).click();
  await approve.click();
  await expect(page.getByText('Approved version 12')).toBeVisible();
  await expect(page.getByRole('link', { name: /Night Drive: approve/u })).toHaveCount(0);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByText('Not approved. The proposal waits again.')).toBeVisible();
  await page.clock.runFor(undoMs * 2);
  expect(await app.calls('approve')).toEqual([]);

  await page.getByRole('button', { name: 'Replaces the approved version' }).click();
  await page.getByRole('article').getByRole('heading', { level: 2 }).click();
  await page.keyboard.press('a');
  await expect(page.getByText('Approved version 12')).toBeVisible();
  await page.clock.runFor(undoMs / 2);
  expect(await app.calls('approve')).toEqual([]);
  await page.clock.runFor(undoMs * 3);
  const sent = await app.calls('approve');
  expect(sent).toHaveLength(1);
  const shown = (await app.calls('proposal')).filter((call) => call.args.changeSet === idOf('chg', 1));
  expect(shown.length).toBeGreaterThan(0);
  expect(sent[0]?.args.changeSet).toBe(idOf('chg', 1));
  await page.getByRole('tab', { name: 'Closed' }).click();
  await expect(page.getByRole('link', { name: /Night Drive: approve version 12/u })).toBeVisible();
});

test('a proposal that changed meanwhile comes back, nothing approved', async ({ app, page }) => {
  await open(app, `#/inbox/${idOf('chg', 2)}`);
  await page.getByRole('button', { name: 'Approve version 4' }).click();
  await app.studio((fake, id) => fake.touchProposal(id), idOf('chg', 2));
  await page.clock.runFor(undoMs + 500);
  await expect(page.getByText('The proposal changed while you were reading. Nothing was approved.').first()).toBeVisible();
  const row = page.getByRole('link', { name: /Low Tide: approve version 4/u });
  await expect(row).toContainText('This came back');
  await row.click();
  await expect(page.getByRole('article').getByRole('alert')).toContainText('This came back');
});

test('a proposal that changes under the reader waits to be shown before it can be decided', async ({ app, page }) => {
  await app.open({ at: `#/inbox/${idOf('chg', 2)}` });
  const approve = page.getByRole('button', { name: 'Approve version 4' });
  await expect(approve).not.toHaveAttribute('aria-disabled', 'true');
  await app.studio((fake, id) => fake.touchProposal(id), idOf('chg', 2));
  await expect(page.getByRole('alert')).toContainText('The proposal changed while you were reading.');
  await expect(approve).toHaveAttribute('aria-disabled', 'true');
  await page.getByRole('button', { name: 'Show what changed' }).click();
  await expect(approve).not.toHaveAttribute('aria-disabled', 'true');
});

test('closing the window sends what waits', async ({ app, page }) => {
  await open(app, `#/inbox/${idOf('chg', 2)}`);
  await page.getByRole('button', { name: 'Approve version 4' }).click();
  await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pagehide')));
  await expect.poll(async () => (await app.calls('approve')).length).toBe(1);
  await page.clock.runFor(undoMs * 2);
  expect(await app.calls('approve')).toHaveLength(1);
});

test('each risk is looked at before the button works, and the button says what is left', async ({ app, page }) => {
  await app.open({ at: `#/inbox/${idOf('chg', 3)}` });
  const apply = page.getByRole('button', { name: 'Apply 5 changes to catalogue 41' });
  await page.getByRole('button', { name: '1 cell cleared' }).click();
  await expect(page.getByRole('table', { name: 'What changes' }).getByRole('row')).toHaveCount(2);
  await page.getByRole('button', { name: '1 identifier changed' }).click();
  await expect(apply).toHaveAccessibleDescription('Look at these first: 1 value with invisible characters.');
  await page.getByRole('button', { name: '1 value with invisible characters' }).click();
  await expect(page.getByRole('table', { name: 'What changes' })).toContainText('zero-width space');
  await expect(apply).not.toHaveAttribute('aria-disabled', 'true');
});

test('rejecting needs a reason', async ({ app, page }) => {
  await app.open({ at: `#/inbox/${idOf('chg', 2)}` });
  await page.getByRole('button', { name: 'More decisions' }).click();
  await page.getByRole('menuitem', { name: 'Reject…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Reason' }).fill('no');
  await dialog.getByRole('button', { name: 'Reject', exact: true }).click();
  await expect(dialog.getByText('Write at least 3 characters')).toBeVisible();
  expect(await app.calls('reject')).toEqual([]);
  await dialog.getByRole('textbox', { name: 'Reason' }).fill('The chorus drags.');
  await dialog.getByRole('button', { name: 'Reject', exact: true }).click();
  await expect(page.getByText('Rejected. Nothing was changed.')).toBeVisible();
  expect((await app.calls('reject')).map((call) => call.args.reason)).toEqual(['The chorus drags.']);
});

test('asking for changes by key, and Escape leaves everything as it was', async ({ app, page }) => {
  await app.open({ at: `#/inbox/${idOf('chg', 2)}` });
  await page.getByRole('button', { name: 'Ask for changes' }).waitFor();
  await page.keyboard.press('r');
  await expect(page.getByRole('dialog', { name: 'Ask for changes' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  expect(await app.calls('ask_for_changes')).toEqual([]);
  await page.keyboard.press('h');
  await expect(page.getByRole('tabpanel').getByRole('link').last()).toContainText('Low Tide');
});

test('the proposed version is heard against the approved one', async ({ app, page }) => {
  await app.open({ at: `#/inbox/${idOf('chg', 1)}` });
  await page.getByRole('button', { name: 'Play proposed, version 12' }).click();
  await expect(page.locator('#player').getByRole('button', { name: 'Hear A, version 12' })).toHaveAttribute('aria-pressed', 'true');
  await page.getByRole('button', { name: 'Play approved, version 9' }).click();
  await expect(page.locator('#player').getByRole('button', { name: 'Hear B, version 9' })).toHaveAttribute('aria-pressed', 'true');
  await expect(page.locator('#player').getByRole('button', { name: 'Pause' })).toBeVisible();
});

test('members read but do not decide', async ({ app, page }) => {
  await app.open({ studio: 'role=member', at: `#/inbox/${idOf('chg', 1)}` });
  await expect(page.getByText('Nothing waits for you.')).toBeVisible();
  await app.open({ studio: 'role=member', at: `#/inbox/${idOf('chg', 4)}` });
  await expect(page.getByRole('button', { name: /Apply 1 change/u })).toHaveAttribute('aria-disabled', 'true');
});
