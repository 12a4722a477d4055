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
  await page.getByLabel('Role', { exact: true }).selectOption('listener');
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

test('signing in with a second factor asks for its code, and only then', async ({ app, page }) => {
  await app.open({ studio: 'connection=none', at: '#/connect' });
  await app.studio((fake) => {
    fake.failNext('sign_in', {
      code: 'second_factor_needed',
      message: 'This account has a second factor.',
      hint: 'Type the code of your app.',
    });
  }, null);
  await page.getByLabel('Server address').fill('studio.example.org');
  await page.getByLabel('E-mail').fill('mara@example.org');
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.keyboard.press('Enter');
  await expect(page.getByText('This account has a second factor. Type its code too.')).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await page.getByLabel('Code of your authenticator').fill('246810');
  await page.keyboard.press('Enter');
  await expect(page.getByText('Signed in as Mara Lindqvist.')).toBeVisible();
  expect((await app.calls('sign_in')).map((call) => call.args.code)).toEqual([null, '246810']);
});

test('a forgotten password is set anew with a code', async ({ app, page }) => {
  await app.open({ studio: 'connection=signed_out', at: '#/connect' });
  await page.getByRole('button', { name: 'Forgot the password?' }).click();
  await page.getByLabel('Reset code').fill('ctr_wrong');
  await page.getByLabel('New password').fill('a brand new password');
  await page.getByRole('button', { name: 'Set the new password' }).click();
  await expect(page.getByRole('alert')).toContainText('This code is not valid');
  await page.getByLabel('Reset code').fill('ctr_right');
  await page.getByRole('button', { name: 'Set the new password' }).click();
  await expect(page.getByText('The new password is set and every device is signed out.')).toBeVisible();
  await expect(page.getByLabel('Password', { exact: true })).toHaveValue('');
});

test('a role is changed after the password was given again, and not without it', async ({ app, page }) => {
  await app.open({ at: `#/members/${idOf('prj', 1)}` });
  const stepUp = { code: 'step_up_required', message: 'The password is needed once more.', hint: 'Give it.' };
  await app.studio((fake, error) => fake.failNext('change_role', error), stepUp);
  await page.getByLabel('Role of Ada Osei').selectOption('listener');
  const dialog = page.getByRole('dialog', { name: 'Your password once more' });
  await dialog.getByLabel('Password', { exact: true }).fill('wrong');
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await expect(dialog.getByRole('alert')).toContainText('The password is wrong');
  await dialog.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByText('Ada Osei is listener now.')).toBeVisible();
  await app.studio((fake, error) => fake.failNext('change_role', error), stepUp);
  await page.getByLabel('Role of Ada Osei').selectOption('member');
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByLabel('Role of Ada Osei')).toHaveValue('listener');
});

test('what a role does not reach is greyed out with the reason', async ({ app, page }) => {
  await app.open({ at: `#/members/${idOf('prj', 1)}` });
  const owner = page.getByRole('listitem').filter({ hasText: 'Jun Park' });
  await expect(owner.getByRole('combobox')).toHaveCount(0);
  await owner.getByRole('button', { name: 'More for Jun Park' }).click();
  await expect(page.getByRole('menuitem', { name: 'Remove Jun Park' })).toHaveAttribute('aria-disabled', 'true');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'More for Ada Osei' }).click();
  await page.getByRole('menuitem', { name: 'Remove Ada Osei' }).click();
  await page.getByRole('dialog', { name: 'Remove Ada Osei?' }).getByRole('button', { name: 'Remove', exact: true }).click();
  await expect(page.getByText('Ada Osei is no member any more.')).toBeVisible();
  await app.open({ studio: 'role=member', at: `#/members/${idOf('prj', 1)}` });
  await expect(page.getByRole('button', { name: 'Invite…' })).toHaveAccessibleDescription('Only admins and owners invite.');
  await expect(page.getByRole('combobox')).toHaveCount(0);
});

test('an open invitation gets a new code or is revoked', async ({ app, page }) => {
  await app.open({ at: `#/members/${idOf('prj', 1)}` });
  await page.getByRole('button', { name: 'Invite…' }).click();
  await page.getByLabel('Only for this e-mail address').fill('noa@example.org');
  await page.getByRole('button', { name: 'Make a code' }).click();
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByText('Member, only for noa@example.org')).toBeVisible();
  await page.getByRole('button', { name: 'New code for the invitation as member' }).click();
  await expect(page.getByLabel('Invitation code')).toHaveValue('TIDE-7XQM-P4RC-2KVD');
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('button', { name: 'Revoke the invitation as member' }).click();
  await expect(page.getByText('The invitation is revoked.')).toBeVisible();
  await expect(page.getByText('Member, only for noa@example.org')).toHaveCount(0);
});

test('the account: password, second factor with recovery codes, sessions, devices', async ({ app, page }) => {
  await app.open({ at: '#/account' });
  await page.getByLabel('Password now').fill('wrong');
  await page.getByLabel('New password').fill('a brand new password');
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByRole('alert')).toContainText('The password is wrong, so nothing was changed.');
  await page.getByLabel('Password now').fill('correct horse battery');
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByText('The password is changed.')).toBeVisible();
  await expect(page.getByLabel('Password now')).toHaveValue('');

  await page.getByRole('button', { name: 'Set up…' }).click();
  await expect(page.getByText('JBSW Y3DP EHPK 3PXP')).toBeVisible();
  await expect(page.getByRole('img', { name: 'QR code of the secret' })).toBeVisible();
  await page.getByLabel('Code of your authenticator').fill('000000');
  await page.getByRole('button', { name: 'Switch on' }).click();
  await expect(page.getByRole('alert')).toContainText('This code is wrong');
  await page.getByLabel('Code of your authenticator').fill('246810');
  await page.getByRole('button', { name: 'Switch on' }).click();
  await expect(page.getByRole('group', { name: 'Recovery codes' }).getByRole('listitem')).toHaveCount(10);
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await expect(page.getByText('10 recovery codes left.')).toBeVisible();

  await page.getByRole('button', { name: 'Forget Studio iMac' }).click();
  await expect(page.getByText('Forgotten. It can still sign in with the password.')).toBeVisible();
});

test('this computer gets a signing key after the password, and it is revoked', async ({ app, page }) => {
  await app.open({ at: '#/account' });
  const stepUp = { code: 'step_up_required', message: 'The password is needed once more.', hint: 'Give it.' };
  await app.studio((fake, error) => fake.failNext('make_device_key', error), stepUp);
  const keys = page.getByRole('region', { name: 'Signing keys' });
  await expect(keys.getByText('revoked')).toBeVisible();
  await keys.getByRole('button', { name: 'Make a key for this computer…' }).click();
  await page.getByRole('dialog').getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.getByRole('dialog').getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByText('This computer has a key now.')).toBeVisible();
  await expect(keys.getByText('3f9a 3f9a 3f9a 3f9a 3f9a 3f9a 3f9a 3f9a')).toBeVisible();
  await expect(keys.getByRole('button', { name: 'Make a key for this computer…' })).toHaveCount(0);
  await keys.getByRole('button', { name: 'Revoke the key of Studio iMac' }).click();
  await expect(page.getByText('The key is revoked. What it signed before stays signed.')).toBeVisible();
  await expect(keys.getByRole('button', { name: /^Revoke/u })).toHaveCount(0);
});

test('other sessions are ended one by one or all at once', async ({ app, page }) => {
  await app.open({ at: '#/account' });
  await expect(page.getByText('this computer').first()).toBeVisible();
  await page.getByRole('button', { name: 'Sign out Rehearsal room' }).click();
  await expect(page.getByText('Signed out there.')).toBeVisible();
  await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
  await expect(page.getByText('Only this computer is signed in now.')).toBeVisible();
  await expect(page.getByRole('button', { name: /^Sign out MacBook/u })).toHaveCount(0);
});

test('without a keyring one chooses: ask at each start, or a passphrase', async ({ app, page }) => {
  await app.open({ studio: 'keyring=none', at: '#/account' });
  await expect(page.getByText('This system has no keyring.')).toBeVisible();
  await page.getByRole('button', { name: 'Protect with a passphrase…' }).click();
  await page.getByRole('dialog').getByLabel('Passphrase').fill('short');
  await page.getByRole('dialog').getByRole('button', { name: 'Use this passphrase' }).click();
  await expect(page.getByRole('dialog').getByText('Use 8 characters or more.')).toBeVisible();
  await page.getByRole('dialog').getByLabel('Passphrase').fill(' four walls and an amplifier ');
  await page.getByRole('dialog').getByRole('button', { name: 'Use this passphrase' }).click();
  await expect(page.getByText('In a file sealed with your passphrase.')).toBeVisible();
  // Taken exactly as typed, spaces and all.
  expect((await app.calls('keep_sessions_in_file')).map((call) => call.args.passphrase)).toEqual([' four walls and an amplifier ']);
  await page.getByRole('button', { name: 'Ask at each start' }).click();
  await expect(page.getByText('From now on you are asked at each start.')).toBeVisible();
});

test('where the server sends mail an account is made with the code of the mail and the same password', async ({ app, page }) => {
  await app.open({ studio: 'connection=signed_out&mail', at: '#/connect' });
  await page.getByRole('tab', { name: 'Register' }).click();
  await page.getByLabel('Name').fill('Ada');
  await page.getByLabel('E-mail').fill('ada@example.org');
  await page.getByLabel('Password', { exact: true }).fill('a long enough password');
  await page.getByLabel('Invitation code').fill('TIDE-7XQM');
  await page.getByRole('button', { name: 'Register' }).click();
  await expect(page.getByText('A mail to ada@example.org tells how it goes on.')).toBeVisible();
  await page.getByLabel('Code from the mail').fill('ctv_other');
  await page.getByRole('button', { name: 'Make the account' }).click();
  await expect(page.getByRole('alert')).toContainText('This code is not valid');
  await page.getByLabel('Code from the mail').fill('ctv_abcd');
  await page.keyboard.press('Enter');
  await expect(page.getByText('Signed in as Ada.')).toBeVisible();

  // After a new start the password is typed once more.
  await app.open({ studio: 'mail&connection=signed_out', at: '#/connect' });
  await page.getByRole('tab', { name: 'Register' }).click();
  await page.getByRole('button', { name: 'I have the code from the mail' }).click();
  await expect(page.getByLabel('Password', { exact: true })).toHaveValue('');
});

test('a code for a forgotten password comes by mail where the server sends mail', async ({ app, page }) => {
  await app.open({ studio: 'connection=signed_out&mail', at: '#/connect' });
  await page.getByRole('button', { name: 'Forgot the password?' }).click();
  await page.getByRole('button', { name: 'Mail me a code' }).click();
  await expect(page.getByText('Fill this in.')).toBeVisible();
  await page.getByLabel('E-mail').fill('mara@example.org');
  await page.getByRole('button', { name: 'Mail me a code' }).click();
  await expect(page.getByText('If mara@example.org has an account there, a code is on its way.')).toBeVisible();
  expect((await app.calls('request_reset')).map((call) => call.args.email)).toEqual(['mara@example.org']);
  await page.getByLabel('Reset code').fill('https://studio.example.org/reset#ctr_right');
  await page.getByLabel('New password').fill('a brand new password');
  await page.getByRole('button', { name: 'Set the new password' }).click();
  await expect(page.getByText('The new password is set and every device is signed out.')).toBeVisible();
});

test('another address counts once its code came back, or at once without mail', async ({ app, page }) => {
  await app.open({ studio: 'mail', at: '#/account' });
  await expect(page.getByText('(not confirmed)')).toBeVisible();
  await page.getByRole('button', { name: 'Change the address…' }).click();
  await page.getByRole('dialog').getByLabel('New e-mail address').fill('mara@music.example');
  await page.getByRole('dialog').getByRole('button', { name: 'Change', exact: true }).click();
  await expect(page.getByText('A mail to mara@music.example tells how it goes on.')).toBeVisible();
  await page.getByLabel('Code from the mail').fill('ctv_abcd');
  await page.getByRole('button', { name: 'Confirm' }).click();
  await expect(page.getByText('Your address is mara@music.example.')).toBeVisible();
  await expect(page.getByText('(confirmed)')).toBeVisible();

  await app.open({ at: '#/account' });
  await page.getByRole('button', { name: 'Change the address…' }).click();
  await page.getByRole('dialog').getByLabel('New e-mail address').fill('mara@music.example');
  await page.getByRole('dialog').getByRole('button', { name: 'Change', exact: true }).click();
  await expect(page.getByText('Your address is mara@music.example.')).toBeVisible();
});

test('account and project are deleted only after their name was typed', async ({ app, page }) => {
  await app.open({ at: '#/account' });
  await page.getByRole('button', { name: 'Delete the account…' }).click();
  await page.getByRole('dialog').getByLabel('Type mara@example.org').fill('mara@example.com');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete for good' }).click();
  await expect(page.getByRole('dialog').getByRole('alert')).toContainText('This is another address.');
  expect(await app.calls('delete_account')).toEqual([]);
  await page.getByRole('dialog').getByLabel('Type mara@example.org').fill('mara@example.org');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete for good' }).click();
  await expect(page.getByText('The account is deleted. Everything on this computer stays.')).toBeVisible();
});

test('a set-up code makes the first site admin, who manages accounts after giving the password', async ({ app, page }) => {
  await app.open({ at: '#/account' });
  await page.getByRole('button', { name: 'I have a set-up code…' }).click();
  await page.getByRole('dialog').getByLabel('Set-up code').fill('ctu_abcd');
  await page.getByRole('dialog').getByRole('button', { name: 'Use the code' }).click();
  await expect(page.getByText('You administer this server now.')).toBeVisible();
  await page.getByRole('button', { name: 'Accounts of this server…' }).click();
  await page.getByLabel('Name or address').fill('jun');
  await expect(page.getByRole('listitem').filter({ hasText: 'ada@example.org' })).toHaveCount(0);
  const stepUp = { code: 'step_up_required', message: 'The password is needed once more.', hint: 'Give it.' };
  await app.studio((fake, error) => fake.failNext('issue_reset_code', error), stepUp);
  await page.getByRole('button', { name: 'More for Jun Park' }).click();
  await page.getByRole('menuitem', { name: 'Make a reset code…' }).click();
  const password = page.getByRole('dialog', { name: 'Your password once more' });
  await password.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await password.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByRole('textbox', { name: 'Reset code' })).toHaveValue(/^ctr_/u);
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('button', { name: 'More for Jun Park' }).click();
  await page.getByRole('menuitem', { name: 'Disable…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await expect(page.getByText('Jun Park cannot sign in any more.')).toBeVisible();
  await expect(page.getByRole('listitem').filter({ hasText: 'Jun Park' }).getByText('disabled')).toBeVisible();
  await page.getByLabel('Name or address').fill('mara');
  await page.getByRole('button', { name: 'More for Mara Lindqvist' }).click();
  await page.getByRole('menuitem', { name: 'No longer a site admin…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Demote' }).click();
  await expect(page.getByText('A server keeps a site admin')).toBeVisible();
});
