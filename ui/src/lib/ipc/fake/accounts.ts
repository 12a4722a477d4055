// Members, invitations, sessions and second factors of the made-up studio.
import type { CommandName, Commands } from '../commands';
import type { DeviceKeyView } from '../generated/DeviceKeyView';
import type { ErrorView } from '../generated/ErrorView';
import type { ConnectionView } from '../generated/ConnectionView';
import type { KeyringState } from '../generated/KeyringState';
import type { MemberView } from '../generated/MemberView';
import type { OpenInvitationView } from '../generated/OpenInvitationView';
import type { SessionView } from '../generated/SessionView';
import type { SiteAccountView } from '../generated/SiteAccountView';
import { id } from './seed';

export type Answers<N extends CommandName> = { [K in N]: (args: Commands[K]['args']) => Commands[K]['result'] };
export type AccountCommand =
  | 'members'
  | 'change_role'
  | 'remove_member'
  | 'leave_project'
  | 'transfer_ownership'
  | 'invite'
  | 'invitations'
  | 'revoke_invitation'
  | 'renew_invitation'
  | 'policies'
  | 'set_policies'
  | 'account'
  | 'step_up'
  | 'change_password'
  | 'change_address'
  | 'confirm_address'
  | 'delete_account'
  | 'reset_password'
  | 'sessions'
  | 'end_session'
  | 'end_other_sessions'
  | 'known_devices'
  | 'forget_device'
  | 'device_keys'
  | 'make_device_key'
  | 'revoke_device_key'
  | 'totp_begin'
  | 'totp_confirm'
  | 'totp_off'
  | 'new_recovery_codes'
  | 'credentials'
  | 'keep_sessions_in_file'
  | 'ask_at_each_launch'
  | 'claim_site'
  | 'site_accounts'
  | 'disable_account'
  | 'enable_account'
  | 'issue_reset_code'
  | 'appoint_site_admin'
  | 'demote_site_admin';

/** The password of everybody in the made-up studio, and the code of every second factor. */
export const password = 'correct horse battery';
export const totpCode = '246810';
/** The code that never confirms a second factor. */
export const wrongCode = '000000';

/** The code in every mail. */
export const mailedCode = 'ctv_abcd';

const day = 86_400_000;

/** Looks like a QR code, and is none: three corners and a pattern. */
const madeUpQr = ((size: number) => {
  let path = '';
  const corner = (x: number, y: number): boolean => {
    const [dx, dy] = [x > 6 ? x - (size - 7) : x, y > 6 ? y - (size - 7) : y];
    const ring = Math.max(Math.abs(dx - 3), Math.abs(dy - 3));
    return ring === 3 || ring <= 1;
  };
  for (let y = 0; y < size; y += 1)
    for (let x = 0; x < size; x += 1) {
      const inCorner = (x < 8 || x > size - 9) && (y < 8 || y > size - 9) && !(x > 8 && y > 8);
      const inside = (x < 7 || x > size - 8) && (y < 7 || y > size - 8);
      const dark = inCorner ? inside && corner(x, y) : (x * 7 + y * 13 + x * y) % 3 === 0;
      if (dark) path += `M${x} ${y}h1v1h-1z`;
    }
  return { size, path };
})(45);

function refusal(code: string, message: string, hint: string): ErrorView {
  return { code, message, hint };
}

interface Studio {
  now: number;
  keyring: KeyringState;
  mail: boolean;
  siteAdmin: boolean;
}

interface Effects {
  signedOut: () => ConnectionView;
}

function siteAccount(n: number, name: string, email: string, now: number): SiteAccountView {
  return {
    id: id('acc', n),
    name,
    email,
    created_at: new Date(now - n * 40 * day).toISOString(),
    disabled: n === 4,
    site_admin: n === 1,
    second_factor: n < 3,
    last_used_at: n > 3 ? null : new Date(now - n * 7_200_000).toISOString(),
  };
}

export function accountAnswers(members: Map<string, MemberView[]>, studio: Studio, effects: Effects): Answers<AccountCommand> {
  const { now, keyring } = studio;
  const at = (days: number): string => new Date(now + days * day).toISOString();
  const sessionOf = (n: number, device: string, current: boolean): SessionView => ({
    id: String(n).repeat(32),
    device_name: device,
    created_at: at(-n * 9),
    last_used_at: at(current ? 0 : -n),
    expires_at: at(90 - n * 9),
    current,
  });
  let sessions = [sessionOf(1, 'Studio iMac', true), sessionOf(2, 'MacBook on the road', false), sessionOf(3, 'Rehearsal room', false)];
  let devices = [{ id: 'a'.repeat(32), name: 'Studio iMac', created_at: at(-9), last_used_at: at(0), expires_at: at(356) }];
  let keys: DeviceKeyView[] = [{ id: 'b'.repeat(32), name: 'MacBook on the road', created_at: at(-60), revoked_at: at(-3), here: false }];
  let open: (OpenInvitationView & { project: string })[] = [];
  let secondFactor = false;
  let recoveryCodes = 0;
  let place: 'keyring' | 'memory' | 'file' = keyring === 'usable' ? 'keyring' : 'memory';
  let policies = {
    listeners_fetch_originals: false,
    listeners_comment: false,
    members_share: false,
    review_new_versions: true,
    self_approval: true,
  };
  let nextInvitation = 1;
  let email = 'mara@example.org';
  let emailConfirmed = false;
  let wantedEmail = email;
  let siteAdmin = studio.siteAdmin;
  let site = [
    siteAccount(1, 'Mara Lindqvist', email, now),
    siteAccount(2, 'Jun Park', 'jun@example.org', now),
    siteAccount(3, 'Ada Osei', 'ada@example.org', now),
    siteAccount(4, 'A guest with a rather long name who once sang on one song', 'guest.with.a.long.address@studio.example.org', now),
  ];

  const of = (project: string): MemberView[] => members.get(project) ?? [];
  const keep = (project: string, list: MemberView[]): MemberView[] => {
    if (list.length > 0 && !list.some((member) => member.role === 'owner'))
      throw refusal('last_owner', 'A project always has an owner, so nothing was changed.', 'Make somebody else an owner first.');
    members.set(project, list);
    return list;
  };
  const check = (given: string, code: string | null | undefined): void => {
    if (given !== password) throw refusal('wrong_credentials', 'The password is wrong, so nothing was changed.', 'Try again.');
    if (!secondFactor) return;
    if (!code) throw refusal('second_factor_needed', 'This account has a second factor.', 'Type the code of your app.');
    if (code !== totpCode) throw refusal('wrong_second_factor', 'This code is wrong, so nothing was done.', 'Wait for the next one.');
  };
  const codes = (): string[] => {
    recoveryCodes = 10;
    return Array.from({ length: 10 }, (_, n) => `tide-rock-sand-wave-dune-${'abcdefghij'.charAt(n).repeat(4)}`);
  };
  const own = (): Commands['account']['result'] => ({
    id: id('acc', 1),
    name: 'Mara Lindqvist',
    email,
    email_confirmed: emailConfirmed,
    mail: studio.mail,
    site_admin: siteAdmin,
    second_factor: secondFactor,
    recovery_codes_left: recoveryCodes,
    second_factor_policy: 'offered',
  });
  const setSite = (account: string, change: Partial<SiteAccountView>): null => {
    const after = site.map((each) => (each.id === account ? { ...each, ...change } : each));
    if (!after.some((each) => each.site_admin && !each.disabled))
      throw refusal(
        'last_owner',
        'A server keeps a site admin, and this is the last, so nothing was changed.',
        'Appoint somebody else first.',
      );
    site = after;
    return null;
  };
  const made = (role: string, days: number): Commands['invite']['result'] => ({
    id: id('inv', nextInvitation),
    code: 'TIDE-7XQM-P4RC-2KVD',
    link: 'https://music.example.org/join#TIDE-7XQM-P4RC-2KVD',
    role,
    expires_at: at(days),
    mailed: false,
  });
  const credentials = (): Commands['credentials']['result'] => ({ place, keyring, file_locked: false });

  return {
    members: ({ project }) => of(project),
    change_role: ({ project, account, role }) =>
      keep(
        project,
        of(project).map((member) => (member.id === account ? { ...member, role } : member)),
      ),
    remove_member: ({ project, account }) =>
      keep(
        project,
        of(project).filter((member) => member.id !== account),
      ),
    leave_project: ({ project }) => {
      keep(
        project,
        of(project).filter((member) => !member.is_you),
      );
      return null;
    },
    transfer_ownership: ({ project, account }) =>
      keep(
        project,
        of(project).map((member) => {
          if (member.id === account) return { ...member, role: 'owner' };
          return member.is_you ? { ...member, role: 'admin' } : member;
        }),
      ),
    invite: ({ project, role, email: bound, days, mail }) => {
      const invitation = made(role, days ?? 7);
      nextInvitation += 1;
      open = [
        {
          id: invitation.id,
          role,
          email: bound ?? null,
          inviter: 'Mara Lindqvist',
          created_at: at(0),
          expires_at: invitation.expires_at,
          project,
        },
        ...open,
      ];
      return { ...invitation, mailed: mail ?? false };
    },
    invitations: ({ project }) => open.filter((invitation) => invitation.project === project),
    revoke_invitation: ({ invitation }) => {
      open = open.filter((each) => each.id !== invitation);
      return null;
    },
    renew_invitation: ({ invitation }) => {
      const found = open.find((each) => each.id === invitation);
      return { ...made(found?.role ?? 'member', 7), id: invitation };
    },
    policies: () => policies,
    set_policies: (args) => {
      policies = args.policies;
      return policies;
    },
    account: own,
    change_address: (args) => {
      wantedEmail = args.email;
      if (studio.mail) return null;
      email = wantedEmail;
      return own();
    },
    confirm_address: ({ code }) => {
      if (code !== mailedCode) throw refusal('code_invalid', 'This code is not valid, so nothing was changed.', 'Ask for a new one.');
      email = wantedEmail;
      emailConfirmed = true;
      return own();
    },
    delete_account: effects.signedOut,
    step_up: (args) => {
      check(args.password, args.code);
      return null;
    },
    change_password: (args) => {
      check(args.current, args.code);
      if (args.new.length < 8)
        throw refusal('password_refused', 'The password was not taken: it is too short.', 'Use 8 characters or more.');
      sessions = sessions.filter((session) => session.current);
      return null;
    },
    reset_password: ({ code }) => {
      if (code === 'ctr_wrong') throw refusal('code_invalid', 'This code is not valid, so nothing was changed.', 'Ask for a new one.');
      return null;
    },
    sessions: () => sessions,
    end_session: ({ session }) => {
      sessions = sessions.filter((each) => each.id !== session);
      return null;
    },
    end_other_sessions: () => {
      sessions = sessions.filter((session) => session.current);
      return null;
    },
    known_devices: () => devices,
    forget_device: (args) => {
      devices = devices.filter((device) => device.id !== args.id);
      return null;
    },
    device_keys: () => keys,
    make_device_key: () => {
      const made = { id: '3f9a'.repeat(8), name: 'Studio iMac', created_at: at(0), revoked_at: null, here: true };
      keys = [made, ...keys.filter((key) => !key.here)];
      return keys;
    },
    revoke_device_key: (args) => {
      keys = keys.map((key) => (key.id === args.id ? { ...key, revoked_at: at(0), here: false } : key));
      return keys;
    },
    totp_begin: () => ({
      secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
      uri: 'otpauth://totp/CollabTrack:mara%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=CollabTrack',
      qr: madeUpQr,
    }),
    totp_confirm: ({ code }) => {
      if (code === wrongCode) throw refusal('wrong_second_factor', 'This code is wrong, so nothing was done.', 'Wait for the next one.');
      secondFactor = true;
      return codes();
    },
    totp_off: () => {
      secondFactor = false;
      recoveryCodes = 0;
      return null;
    },
    new_recovery_codes: codes,
    credentials,
    keep_sessions_in_file: ({ passphrase }) => {
      if (passphrase.length < 8) throw refusal('local', 'A passphrase has 8 characters or more.', 'Choose a longer one.');
      place = 'file';
      return credentials();
    },
    ask_at_each_launch: () => {
      place = 'memory';
      return credentials();
    },
    claim_site: ({ code }) => {
      if (!code.startsWith('ctu_')) throw refusal('code_invalid', 'This code is not valid, so nothing was changed.', 'Ask for a new one.');
      siteAdmin = true;
      return null;
    },
    site_accounts: ({ query }) => {
      const text = query.toLowerCase();
      return site.filter((each) => each.email.includes(text) || each.name.toLowerCase().includes(text));
    },
    disable_account: ({ account }) => setSite(account, { disabled: true, last_used_at: null }),
    enable_account: ({ account }) => setSite(account, { disabled: false }),
    issue_reset_code: () => ({ code: 'ctr_tide7xqmp4rc2kvdtide7xqmp4', expires_at: at(0.02) }),
    appoint_site_admin: ({ account }) => setSite(account, { site_admin: true }),
    demote_site_admin: ({ account }) => setSite(account, { site_admin: false }),
  };
}
