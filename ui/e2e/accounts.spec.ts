import { expect, idOf, test } from './app';

test('a wrong password is one calm message and keeps what was typed', async ({ app, page }) => {
  await app.open({ studio: 'connection=none', at: '#/connect' });
  await page.getByLabel('Server address').fill('studio.example.org');
  await page.getByLabel('E-mail').fill('mara@example.org');
  await expect(page.getByText('CollabTrack 0.1.0, secure')).toBeVisible();
  await page.getByLabel('Password', { exact: true }).fill('wrong');
  await page.keyboard.press('Enter');
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('The e-mail or the password is wrong, so nobody was signed in.');
  await expect(alert).toContainText('Check both and try again.');
  await expect(page.getByLabel('E-mail')).toHaveValue('mara@example.org');
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.keyboard.press('Enter');
  await expect(page.getByText('Signed in as Mara Lindqvist.')).toBeVisible();
});

test('no password stays in the page, its address or its store', async ({ app, page }) => {
  await app.open({ studio: 'connection=none', at: '#/connect' });
  await page.getByLabel('Server address').fill('studio.example.org');
  await page.getByLabel('E-mail').fill('mara@example.org');
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.keyboard.press('Enter');
  await expect(page.getByText('Signed in as Mara Lindqvist.')).toBeVisible();
  const traces = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href, document.body.innerText]),
  );
  expect(traces).not.toContain('correct horse');
});

test('registering by invitation says so', async ({ app, page }) => {
  await app.open({ studio: 'connection=none', at: '#/connect' });
  await page.getByLabel('Server address').fill('studio.example.org');
  await page.getByRole('tab', { name: 'Register' }).click();
  await expect(page.getByText('This server registers by invitation. Enter the code you got.')).toBeVisible();
  await page.getByLabel('Name').fill('Ada');
  await page.getByLabel('E-mail').fill('ada@example.org');
  await page.getByLabel('Password', { exact: true }).fill('short');
  await page.getByRole('button', { name: 'Register' }).click();
  await expect(page.getByRole('alert')).toContainText('Use 8 characters or more.');
});

test('an address that does not answer is said under the address', async ({ app, page }) => {
  await app.open({ studio: 'connection=none', at: '#/connect' });
  await page.getByLabel('Server address').fill('nowhere.example.org');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('alert')).toContainText('The server did not answer');
});

test('a code shows the project, the role and who invites before joining', async ({ app, page }) => {
  await app.open({ at: '#/connect' });
  await page.getByLabel('Code').fill('NOPE');
  await page.getByRole('button', { name: 'Look at the code' }).click();
  await expect(page.getByRole('alert')).toContainText('This code is unknown, used or expired');
  await page.getByLabel('Code').fill('TIDE-7XQM');
  await page.getByRole('button', { name: 'Look at the code' }).click();
  await expect(page.getByText(/Jun Park invites you as member/u)).toBeVisible();
  expect(await app.calls('join')).toEqual([]);
  await page.getByRole('button', { name: 'Join Winter Sessions' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Winter Sessions');
});

test('an invitation code is made for a role and shown once', async ({ app, page }) => {
  await app.open({ at: `#/members/${idOf('prj', 1)}` });
  await page.getByRole('button', { name: 'Invite…' }).click();
  await page.getByLabel('Role').selectOption('listener');
  await page.getByRole('button', { name: 'Make a code' }).click();
  await expect(page.getByLabel('Invitation code')).toHaveValue('TIDE-7XQM-P4RC-2KVD');
  expect((await app.calls('invite')).map((call) => call.args.role)).toEqual(['listener']);
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByText('TIDE-7XQM-P4RC-2KVD')).toHaveCount(0);
});

test('the theme is chosen and stays', async ({ app, page }) => {
  await app.open({ at: '#/settings' });
  await page.getByRole('radio', { name: 'Light' }).check();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
});
