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

test('closing the window within the ten seconds neither loses the decision nor takes it twice', async ({ app, page }) => {
  await app.open({ at: `#/inbox/${idOf('chg', 2)}` });
  await page.getByRole('button', { name: 'Approve version 4' }).click();
  await expect.poll(async () => (await app.calls('hold_approval')).length).toBe(1);
  expect(await app.calls('approve')).toEqual([]);
  await page.reload();
  await page.locator('main h1').first().waitFor();
  await expect.poll(async () => (await app.calls('held_approvals')).length).toBe(1);
  await expect(page.getByRole('link', { name: /Low Tide: approve version 4/u })).toHaveCount(0);
  await expect(page.getByText('Approved: Low Tide: approve version 4')).toBeVisible({ timeout: undoMs + 5000 });
  const sent = await app.calls('approve');
  expect(sent).toHaveLength(1);
  expect(sent[0]?.args.changeSet).toBe(idOf('chg', 2));
});

test('an undone approval is not sent when the window opens again', async ({ app, page }) => {
  await app.open({ at: `#/inbox/${idOf('chg', 2)}` });
  await page.getByRole('button', { name: 'Approve version 4' }).click();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect.poll(async () => (await app.calls('release_approval')).length).toBe(1);
  await page.reload();
  await expect(page.getByRole('link', { name: /Low Tide: approve version 4/u })).toBeVisible();
});

test('a conflict shows was, proposed and now with who and when, and each gets a choice', async ({ app, page }) => {
  await app.open({ at: '#/inbox' });
  await page.getByRole('tab', { name: /Conflicts/u }).click();
  await page.getByRole('link', { name: /Label corrections/u }).click();
  const table = page.getByRole('table', { name: 'Conflicts' });
  const first = table.getByRole('row').nth(1);
  await expect(first).toContainText('Harbor Lights');
  await expect(first).toContainText('Harbour Lights (Live)');
  await expect(first).toContainText('Ada Osei');
  await expect(first).toContainText('British spelling');
  await expect(page.getByRole('button', { name: /Apply 1 change/u })).toHaveAccessibleDescription('Settle 2 conflicts first.');
  await first.getByRole('radio', { name: /Type another value/u }).check();
  await first.getByRole('textbox').fill('Harbour Lights (Live at Sea)');
  await expect(page.getByRole('button', { name: 'Settle 2 conflicts' })).toHaveAccessibleDescription('1 conflict without a choice.');
  await table
    .getByRole('row')
    .nth(2)
    .getByRole('radio', { name: /Keep the value of now/u })
    .check();
  await page.getByRole('button', { name: 'Settle 2 conflicts' }).click();
  await expect(page.getByText('Settled. Look at the new revision, then decide.')).toBeVisible();
  expect((await app.calls('resolve')).map((call) => call.args.choices)).toEqual([
    [
      { row: idOf('trk', 3), field: 'title', choice: 'typed', value: 'Harbour Lights (Live at Sea)' },
      { row: idOf('trk', 2), field: '_row', choice: 'current', value: null },
    ],
  ]);
});

test('a part is approved by splitting the proposal visibly', async ({ app, page }) => {
  await app.open({ at: `#/inbox/${idOf('chg', 3)}` });
  await page.getByRole('button', { name: 'More decisions' }).click();
  await page.getByRole('menuitem', { name: 'Approve only a part…' }).click();
  await expect(page.getByRole('button', { name: 'Split: 5 now, 0 later' })).toHaveAttribute('aria-disabled', 'true');
  await page.getByRole('checkbox', { name: 'Approve now: Title of Harbour Lights' }).uncheck();
  await page.getByRole('button', { name: 'Split: 4 now, 1 later' }).click();
  await expect(page.getByText('Split in two. Decide this part now.')).toBeVisible();
  expect((await app.calls('split')).map((call) => call.args.keep)).toEqual([[0, 2, 3, 4]]);
  await expect(page.getByRole('link', { name: 'Part of a split proposal' })).toBeVisible();
  expect(await app.calls('approve')).toEqual([]);
});

test('open comments stand beside the versions, begin what is asked for, and are settled', async ({ app, page }) => {
  await app.open({ at: `#/inbox/${idOf('chg', 1)}` });
  await expect(page.getByText('The vocal is too loud in the second line.')).toBeVisible();
  await expect(page.getByText('from version 11')).toBeVisible();
  await expect(page.getByText('Not heard yet')).toBeVisible();
  await page.getByRole('button', { name: 'Ask for changes' }).click();
  await expect(page.getByRole('dialog').getByRole('textbox')).toHaveValue('1:04 The vocal is too loud in the second line.');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Settled: comment of Jun Park at 1:04' }).click();
  await expect(page.getByText('The vocal is too loud in the second line.')).toHaveCount(0);
});

test('an approval is taken back by a proposal of its own', async ({ app, page }) => {
  await app.open({ at: `#/inbox/${idOf('chg', 5)}` });
  await page.getByRole('button', { name: 'Take back…' }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('The wrong master went out.');
  await page.getByRole('dialog').getByRole('button', { name: 'Propose to take back' }).click();
  await expect(page.getByRole('article').getByRole('heading', { level: 2 })).toHaveText('Take back: Night Drive: approve version 9');
  expect((await app.calls('revert')).map((call) => call.args.submit)).toEqual([true]);
});

test('a sole approver proposes and approves in one step, with others it is not offered', async ({ app, page }) => {
  await app.open({ studio: 'alone', at: `#/track/${idOf('trk', 1)}` });
  await page.getByRole('button', { name: 'More for version 11' }).click();
  await page.getByRole('menuitem', { name: 'Propose version 11…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Propose and approve' }).click();
  await expect(page.getByText('Version 11 is proposed and approved. The record says that both were you.')).toBeVisible();
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  await page.getByRole('button', { name: 'More for version 11' }).click();
  await page.getByRole('menuitem', { name: 'Propose version 11…' }).click();
  await expect(page.getByRole('dialog').getByRole('button', { name: 'Propose and approve' })).toHaveCount(0);
});

test('ten thousand changed cells open within a second and stay quick', async ({ app, page }) => {
  test.setTimeout(60_000);
  await app.open({ studio: 'changes=10000', at: `#/inbox/${idOf('chg', 2)}` });
  await page.getByRole('link', { name: /The whole back catalogue/u }).click();
  const table = page.getByRole('table', { name: 'What changes' });
  await expect(table).toHaveAttribute('aria-rowcount', '10001');
  await expect(
    page.getByRole('button', { name: '~ 6,666 changed' }).or(page.getByRole('button', { name: /changed/u }).first()),
  ).toBeVisible();
  expect(await table.evaluate((element) => element.querySelectorAll('*').length)).toBeLessThan(1400);
  await table.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await expect(table.getByText('Cue 10000', { exact: true })).toBeVisible();
  const busy = await page.evaluate(async () => {
    const element = document.querySelector<HTMLElement>('[role="table"][aria-label="What changes"]');
    const start = performance.now();
    element?.scrollTo(0, 0);
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
  });
  expect(busy).toBeLessThan(500);
});

test('a file on disk is told to be the approved version, or no version at all', async ({ app, page }) => {
  await app.open({ at: '#/inbox' });
  await page.getByRole('button', { name: 'Check a file…' }).click();
  await page.getByRole('button', { name: 'Choose a file…' }).click();
  await expect(page.getByText('This is version 9 of Night Drive: the approved one.')).toBeVisible();
  await app.open({ studio: 'checked=unknown', at: '#/check' });
  await page.getByRole('button', { name: 'Choose a file…' }).click();
  await expect(page.getByText('No version of this library has exactly these bytes.')).toBeVisible();
});

test('each risk is looked at before the button works, and the button says what is left', async ({ app, page }) => {
  await app.open({ at: `#/inbox/${idOf('chg', 3)}` });
  const apply = page.getByRole('button', { name: 'Apply 5 changes to catalogue 41' });
  await page.getByRole('button', { name: '1 cell cleared' }).click();
  await expect(page.getByRole('table', { name: 'What changes' }).getByRole('row')).toHaveCount(2);
  await page.getByRole('button', { name: '1 identifier changed' }).click();
  await expect(apply).toHaveAccessibleDescription('Look at these first: 1 value with invisible characters.');
  await page.getByRole('button', { name: '1 value with invisible characters' }).click();
  await expect(page.getByRole('table', { name: 'What changes' })).toContainText('right-to-left override');
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

test('a new row shows every cell, and its author answers what was asked with a correction', async ({ app, page }) => {
  await app.open({ at: `#/inbox/${idOf('chg', 9)}` });
  const pane = page.getByRole('article');
  await expect(pane).toContainText('Jun Park: changes asked');
  await expect(pane).toContainText('Ben has 40, not 50.');
  const share = pane.getByRole('row').filter({ hasText: 'Low Tide · Ben Ito' }).filter({ hasText: 'Share' });
  await expect(share).toContainText('50.00');
  await expect(pane.getByRole('button', { name: 'All 2' })).toBeVisible();
  await pane.getByRole('button', { name: 'Correct this proposal' }).click();
  const send = pane.getByRole('button', { name: 'Send the correction' });
  await expect(send).toHaveAttribute('aria-disabled', 'true');
  await pane.getByRole('textbox', { name: 'Proposed value: Share of Low Tide · Ben Ito' }).fill('40.00');
  await expect(pane).toContainText('1 value corrected');
  await send.click();
  await expect(page.getByText('Corrected. It waits for review again.')).toBeVisible();
  await expect(share).toContainText('40.00');
  const [call] = await app.calls('revise');
  expect(call?.args).toMatchObject({ changeSet: idOf('chg', 9), cells: [{ field: 'share', to: '40.00' }], leftOut: [] });
});

test('who may not decide does not settle conflicts either, and is told who does', async ({ app, page }) => {
  await app.open({ at: `#/inbox/${idOf('chg', 7)}`, studio: 'role=member' });
  await expect(page.getByText('An admin or an owner settles these.')).toBeVisible();
  await expect(page.getByRole('button', { name: /^Settle/u })).toHaveCount(0);
});

test('a version is proposed to be retired, with a reason', async ({ app, page }) => {
  await app.open({ at: `#/track/${idOf('trk', 1)}` });
  await page.getByRole('button', { name: 'More for version 9', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Retire version 9…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('It is the approved version: afterwards the track has none.');
  await dialog.getByRole('textbox', { name: 'Why it is retired' }).fill('The sample is not cleared');
  await dialog.getByRole('button', { name: 'Propose to retire' }).click();
  await expect(page.getByText('Retiring version 9 waits for review.')).toBeVisible();
  const [call] = await app.calls('propose_retire');
  expect(call?.args.reason).toBe('The sample is not cleared');
});
