// The window around the screens: places, states, settings, keys.
import type { CredentialPlace } from '../../ipc/generated/CredentialPlace';
import type { CommandId, KeyGroup } from '../../keys/table';
import { count } from './count';

export const units = { lufs: 'LUFS', truePeak: 'dBTP' } as const;

export const error = {
  unknown: 'Something did not work. Your versions are safe on this computer.',
  code: (code: string) => `Code: ${code}`,
  hint: 'Try again. If it stays, restart CollabTrack.',
} as const;

export const offline = {
  since: (time: string) => `Offline since ${time}. You can listen and edit; others hear your new versions when the server answers again.`,
  now: 'The server does not answer. You can listen and edit; others hear your new versions when it does.',
  signedOut: 'Your work is here. Sign in to sync again.',
  noServer: 'No server yet. Everything works on this computer alone.',
  needs: (what: string) => `${what} needs the server.`,
  signIn: 'Sign in…',
  connect: 'Join a server…',
} as const;

export const regions = {
  navigation: 'Main',
  player: 'Player',
  inspector: 'Details',
  breadcrumb: 'Where you are',
  notices: 'Messages',
} as const;

export const nav = {
  search: 'Search',
  library: 'Library',
  inbox: 'Inbox',
  inboxCount: (number: number) => `Inbox, ${count(number, 'proposal', 'proposals')} to review`,
  catalogue: 'Catalogue',
  activity: 'Activity',
  settings: 'Settings',
  projects: 'Projects',
} as const;

export const sync = {
  onlyHere: 'Only on this computer',
  waiting: 'Waiting',
  sending: (percent: number) => `Sending ${percent} %`,
  synced: 'Synced',
  announced: 'On its way here',
  paused: 'Paused',
  offline: 'Offline',
  needsYou: 'Needs you',
  signedOut: 'Signed out',
  now: 'Sync now',
  pause: 'Pause syncing',
  resume: 'Resume syncing',
  troubles: (number: number) => `${count(number, 'version does', 'versions do')} not get to the server`,
  trouble: (track: string, version: number) => `${track}, version ${version}:`,
  andMore: (number: number) => `And ${number} more.`,
  waitingCount: (number: number) => `${count(number, 'version', 'versions')} waiting`,
} as const;

export const settings = {
  title: 'Settings',
  folders: 'Folders',
  foldersLead: 'Watched on this computer. Files are never moved or changed.',
  noFolders: 'No folder is watched yet.',
  audio: 'Audio',
  device: 'Output device',
  account: 'Server and account',
  credential: {
    keyring: 'Signed in by the system keyring.',
    memory: 'Asked again at each start.',
    file: 'Signed in by a file only your user may read.',
  } satisfies Record<CredentialPlace, string>,
  network: 'Network',
  networkLead: 'Most that syncing uses, in Mbit/s. A preview that somebody waits for goes first all the same.',
  up: 'Sending',
  down: 'Fetching',
  limitsWrong: 'A number above 0, or nothing for no limit.',
  limitsSaved: 'Saved.',
  data: 'Your data',
  dataLead:
    'Tables, columns, versions, proposals and the log of every project you may read, as one zip of CSV files. It can be checked without the server.',
  exportEverything: 'Export everything…',
  exporting: 'Exporting everything',
  appearance: 'Appearance',
  theme: 'Theme',
  themes: { dark: 'Dark', light: 'Light', system: 'System' },
  zoom: 'Zoom',
  density: 'Row height',
  densities: { 28: 'Compact', 36: 'Normal', 44: 'Roomy' },
  motion: 'Reduce motion',
  keyboard: 'Keyboard',
  singleKeys: 'Single-key shortcuts',
  singleKeysHint: 'Switch off if speech input or a touch of a key starts things.',
  showShortcuts: 'Show all shortcuts',
  changeKeys: 'Change keys',
  changeKey: 'Change…',
  changeKeyOf: (command: string) => `Change the key of “${command}”`,
  pressKey: 'Press a key. Esc keeps the one it has.',
  keyTaken: (stroke: string, other: string) => `${stroke} is “${other}”. Press another key, or change that one first.`,
  noKey: (stroke: string) => `${stroke} cannot be a shortcut. Press another key.`,
  keyChanged: (command: string, stroke: string) => `“${command}” is ${stroke} now.`,
  resetKey: 'Reset',
  resetKeyOf: (command: string) => `Reset the key of “${command}”`,
  resetKeys: 'Reset all keys',
  keysReset: 'All keys are the usual ones.',
  sync: 'Sync',
  version: (version: string) => `CollabTrack ${version}`,
  licences: 'Inter is used under the SIL Open Font License 1.1.',
} as const;

export const palette = {
  title: 'Search',
  placeholder: 'Tracks, projects, commands',
  none: 'Nothing found.',
  commands: 'Command',
  track: 'Track',
  project: 'Project',
  results: (number: number) => count(number, 'result', 'results'),
} as const;

export const help = {
  title: 'Shortcuts',
  groups: {
    listening: 'Listening',
    comparing: 'Comparing',
    review: 'Review',
    moving: 'Moving around',
    window: 'Window',
  } satisfies Record<KeyGroup, string>,
  then: 'then',
  to: 'to',
  waveform: 'On the waveform: arrows move 5 s, with Shift 1 s.',
} as const;

export const commands = {
  play: 'Play, pause',
  back: '5 s back',
  forward: '5 s forward',
  'back-little': '1 s back',
  'forward-little': '1 s forward',
  flip: 'Flip A and B',
  previous: 'Previous version or row',
  next: 'Next version or row',
  'loop-in': 'Loop in',
  'loop-out': 'Loop out',
  loop: 'Loop on, off',
  'level-match': 'Level match',
  blind: 'Blind test',
  difference: 'Play the difference',
  'zoom-in': 'Zoom in',
  'zoom-out': 'Zoom out',
  fit: 'Show all',
  slot: 'Version into this slot',
  'other-slot': 'Version into the other slot',
  approve: 'Approve',
  ask: 'Ask for changes',
  later: 'Later',
  undo: 'Undo',
  palette: 'Search',
  find: 'Find',
  help: 'Shortcuts',
  'check-file': 'Check a file',
  inspector: 'Details',
  'go-library': 'Go to Library',
  'go-inbox': 'Go to Inbox',
  'go-catalogue': 'Go to Catalogue',
  'go-activity': 'Go to Activity',
  'go-settings': 'Go to Settings',
  'ui-larger': 'Larger',
  'ui-smaller': 'Smaller',
  'ui-normal': 'Normal size',
  'next-region': 'Next region',
  close: 'Close',
} satisfies Record<CommandId, string>;
