// Members, invitations, sessions and second factors of the made-up studio.
import type { CommandName, Commands } from '../commands';
import type { ErrorView } from '../generated/ErrorView';
import type { KeyringState } from '../generated/KeyringState';
import type { MemberView } from '../generated/MemberView';
import type { OpenInvitationView } from '../generated/OpenInvitationView';
import type { SessionView } from '../generated/SessionView';
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
  | 'reset_password'
  | 'sessions'
  | 'end_session'
  | 'end_other_sessions'
  | 'known_devices'
  | 'forget_device'
  | 'totp_begin'
  | 'totp_confirm'
  | 'totp_off'
  | 'new_recovery_codes'
  | 'credentials'
  | 'keep_sessions_in_file'
  | 'ask_at_each_launch';

/** The password of everybody in the made-up studio, and the code of every second factor. */
export const password = 'correct horse battery';
export const totpCode = '246810';
/** The code that never confirms a second factor. */
export const wrongCode = '000000';

const day = 86_400_000;

function refusal(code: string, message: string, hint: string): ErrorView {
  return { code, message, hint };
}

export function accountAnswers(members: Map<string, MemberView[]>, now: number, keyring: KeyringState = 'usable'): Answers<AccountCommand> {
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
  const made = (role: string, days: number): Commands['invite']['result'] => ({
    id: id('inv', nextInvitation),
    code: 'TIDE-7XQM-P4RC-2KVD',
    link: 'https://music.example.org/join#TIDE-7XQM-P4RC-2KVD',
    role,
    expires_at: at(days),
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
    invite: ({ project, role, email, days }) => {
      const invitation = made(role, days ?? 7);
      nextInvitation += 1;
      open = [
        {
          id: invitation.id,
          role,
          email: email ?? null,
          inviter: 'Mara Lindqvist',
          created_at: at(0),
          expires_at: invitation.expires_at,
          project,
        },
        ...open,
      ];
      return invitation;
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
    account: () => ({
      id: id('acc', 1),
      name: 'Mara Lindqvist',
      email: 'mara@example.org',
      site_admin: false,
      second_factor: secondFactor,
      recovery_codes_left: recoveryCodes,
      second_factor_policy: 'offered',
    }),
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
    totp_begin: () => ({
      secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
      uri: 'otpauth://totp/CollabTrack:mara%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=CollabTrack',
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
  };
}
