// Proposals and what becomes of them.
import type { ChangeWord } from '../../ipc/generated/ChangeWord';
import type { ReviewState } from '../../ipc/generated/ReviewState';
import type { RiskKind } from '../../review/risks';
import { count } from './count';

export const review = {
  draft: 'Draft',
  waiting: 'Waiting for review',
  changes_asked: 'Changes asked',
  approved: 'Approved',
  superseded: 'Superseded',
  rejected: 'Rejected',
  retired: 'Retired',
} satisfies Record<ReviewState, string>;

export const proposalStatus = (status: string): string => {
  switch (status) {
    case 'draft':
      return 'Draft';
    case 'open':
      return 'Waiting for review';
    case 'changes_requested':
      return 'Changes asked';
    case 'approved':
      return 'Approved';
    case 'rejected':
      return 'Rejected';
    case 'withdrawn':
      return 'Withdrawn';
    case 'split':
      return 'Split';
    default:
      return status;
  }
};

export const inbox = {
  title: 'Inbox',
  tabs: { review: 'To review', mine: 'Mine', conflicts: 'Conflicts', closed: 'Closed' },
  tabsLabel: 'Proposals',
  empty: 'Nothing waits for you.',
  emptyHint: 'Proposals of the others appear here. Propose a version from its track.',
  emptyMine: 'You have no open proposals.',
  emptyMineHint: 'Propose a version from its track, or cells from the catalogue.',
  emptyConflicts: 'No proposal is in conflict.',
  emptyConflictsHint: 'When two people change the same cell differently, it stands here.',
  emptyClosed: 'Nothing was decided yet.',
  emptyClosedHint: 'Decisions stay on record here.',
  select: 'Choose a proposal to see what it changes.',
  by: (author: string, when: string) => `${author}, ${when}`,
  why: 'Why',
  versionReplaces: (number: number, approved: number) => `Version ${number} replaces approved ${approved}`,
  versionFirst: (number: number) => `Version ${number} would be the first approved version`,
  proposedLane: 'Proposed',
  approvedLane: 'Approved now',
  playProposed: (number: number) => `Play proposed, version ${number}`,
  playApproved: (number: number) => `Play approved, version ${number}`,
  pause: 'Pause',
  previewHeard: (number: number) => `You hear a preview of version ${number}. The original is on its way.`,
  notHere: (number: number) => `Version ${number} is not on this computer yet, so it cannot be heard here.`,
  changes: 'What changes',
  columns: { row: 'Track', field: 'Field', now: 'Now', proposed: 'Proposed', change: 'Change', wholeRow: 'Row' },
  emptyValue: '(empty)',
  mixedScripts: (word: string, scripts: string) => `“${word}” mixes ${scripts} letters`,
  byColumn: 'Changes by column',
  change: { added: 'added', changed: 'changed', cleared: 'cleared', deleted: 'deleted' } satisfies Record<ChangeWord, string>,
  symbol: { added: '+', changed: '~', cleared: '⌀', deleted: '−' } satisfies Record<ChangeWord, string>,
  risksTitle: 'Look at these first',
  risk: (kind: RiskKind, number: number): string => {
    switch (kind) {
      case 'schema':
        return 'The columns change';
      case 'deletions':
        return count(number, 'deletion', 'deletions');
      case 'replaced_approval':
        return number === 1 ? 'Replaces the approved version' : `Replaces ${number} approved versions`;
      case 'retired':
        return `${count(number, 'version', 'versions')} retired`;
      case 'shares':
        return `${count(number, 'share', 'shares')} changed`;
      case 'identifiers':
        return `${count(number, 'identifier', 'identifiers')} changed`;
      case 'cleared':
        return `${count(number, 'cell', 'cells')} cleared`;
      case 'hidden_characters':
        return count(number, 'value with invisible characters', 'values with invisible characters');
      case 'no_base':
        return 'From a file that may overwrite newer values';
      case 'stale':
        return 'The catalogue moved on meanwhile';
      case 'self_approval':
        return 'You approve your own proposal';
      case 'unverified':
        return 'Holds columns hidden from you';
      case 'other':
        return `${count(number, 'change', 'changes')} to look at`;
    }
  },
  riskSeen: 'looked at',
  risksLeft: (list: string) => `Look at these first: ${list}.`,
  showAll: 'Show all changes',
  problems: 'In the way',
  approve: 'Approve',
  approveVersion: (number: number) => `Approve version ${number}`,
  apply: (changes: number, deletions: number, catalogue: number) =>
    `Apply ${count(changes, 'change', 'changes')}${deletions > 0 ? `, ${count(deletions, 'deletion', 'deletions')}` : ''} to catalogue ${catalogue}`,
  approvedToast: (title: string) => `Approved: ${title}`,
  approvedVersionToast: (number: number) => `Approved version ${number}`,
  undo: 'Undo',
  undone: 'Not approved. The proposal waits again.',
  ask: 'Ask for changes',
  askTitle: 'Ask for changes',
  askLead: 'One sentence is enough. The author sees it, corrects the proposal and puts it up for review again.',
  askField: 'What should change',
  asked: 'Asked for changes.',
  reject: 'Reject…',
  rejectDo: 'Reject',
  rejectTitle: 'Reject this proposal',
  rejectLead: 'The proposal is closed. The version itself stays and can be played.',
  rejectField: 'Reason',
  rejected: 'Rejected. Nothing was changed.',
  needsReason: 'Write at least 3 characters, so that the author knows why.',
  later: 'Later',
  withdraw: 'Withdraw',
  withdrawn: 'Withdrawn. Nothing was changed.',
  moreActions: 'More decisions',
  returned: 'This came back',
  moved: 'The proposal changed while you were reading. Nothing was approved.',
  showAgain: 'Show what changed',
  onlyAdmins: 'Only admins and owners approve.',
  offline: 'Deciding needs the server. You can listen and read.',
  decided: (who: string, status: string, when: string) => `${who}: ${status}, ${when}`,
  sending: 'Sending your approval…',
  hiddenMark: (name: string) => `invisible character: ${name}`,
  count: (number: number) => count(number, 'change', 'changes'),
  version: 'version',
  inConflict: 'in conflict',
  filterLabel: 'Changes shown',
  counted: (number: number) => new Intl.NumberFormat('en').format(number),
  allChanges: (number: number) => `All ${new Intl.NumberFormat('en').format(number)}`,
  decidedBefore: 'Decided before the window closed.',
  conflicts: 'Conflicts',
  conflictsTitle: (number: number) => `${count(number, 'conflict', 'conflicts')}: somebody changed the same meanwhile`,
  conflictsHint: 'Choose for each which value stands. A typed value makes you an author too.',
  conflictsWho: 'An admin or an owner settles these. Its author may correct or withdraw the proposal.',
  conflictsFirst: (number: number) => `Settle ${count(number, 'conflict', 'conflicts')} first.`,
  conflictKind: (kind: string): string => {
    switch (kind) {
      case 'deleted_but_edited':
        return 'to be deleted, but edited meanwhile';
      case 'edited_but_deleted':
        return 'edited, but deleted meanwhile';
      case 'duplicate':
        return 'the same row was added meanwhile';
      case 'schema':
        return 'the column changed meanwhile';
      default:
        return '';
    }
  },
  was: 'Was',
  noRow: '(no row)',
  take: (side: 'proposed' | 'now', row: string, field: string) =>
    side === 'proposed' ? `Take the proposed value: ${field} of ${row}` : `Keep the value of now: ${field} of ${row}`,
  typeOwn: (row: string, field: string) => `Type another value: ${field} of ${row}`,
  anotherValue: 'Another value',
  anotherValueOf: (row: string, field: string) => `Another value for ${field} of ${row}`,
  changedBy: (who: string, when: string, title: string) => [who, when, title].filter((part) => part !== '').join(', '),
  settle: (number: number) => `Settle ${count(number, 'conflict', 'conflicts')}`,
  chooseAll: (number: number) => `${count(number, 'conflict', 'conflicts')} without a choice.`,
  settled: 'Settled. Look at the new revision, then decide.',
  divide: 'Approve only a part…',
  divideHint: 'Tick what is to be decided now. The rest becomes a proposal of its own; what belongs to one row stays together.',
  divideDo: (now: number, rest: number) => `Split: ${now} now, ${rest} later`,
  divideSome: 'Tick some of the changes, and leave some.',
  divided: 'Split in two. Decide this part now.',
  splitFrom: 'Part of a split proposal',
  part: (number: number) => `Part ${number}`,
  revertsOther: 'Takes back an approved proposal',
  revert: 'Take back…',
  revertTitle: 'Take this approval back',
  revertLead: 'A new proposal with the opposite changes is put up for review. Nothing changes until it is approved.',
  revertDo: 'Propose to take back',
  submit: 'Put up for review again',
  correct: 'Correct this proposal',
  correctHint: 'Type other values, and untick what to leave out. What you send is the next revision and waits for review again.',
  correctReason: 'What you corrected (optional)',
  correctDo: (cells: number, leftOut: number) =>
    [
      ...(cells > 0 ? [`${count(cells, 'value', 'values')} corrected`] : []),
      ...(leftOut > 0 ? [`${count(leftOut, 'change', 'changes')} left out`] : []),
    ].join(', '),
  correctSend: 'Send the correction',
  correctNothing: 'Type another value, or untick something.',
  corrected: 'Corrected. It waits for review again.',
  correctOne: (row: string, field: string) => `Proposed value: ${field} of ${row}`,
  keepIn: (row: string, field: string) => `Keep in the proposal: ${field} of ${row}`,
  heard: (heard: string, of: string) => `Heard ${heard} of ${of}`,
  heardPreview: 'partly as a preview',
  notHeard: 'Not heard yet',
  openComments: (number: number) => count(number, 'open comment', 'open comments'),
  fromVersion: (number: number) => `from version ${number}`,
  resolveComment: 'Settled',
  resolveCommentOf: (author: string, time: string) => `Settled: comment of ${author} at ${time}`,
  listenAt: (time: string) => `Listen at ${time}`,
  keep: 'Approve now',
  keepOne: (row: string, field: string) => `Approve now: ${field} of ${row}`,
} as const;

export const activity = {
  title: 'Activity',
  empty: 'Nothing has happened yet.',
  emptyHint: 'Versions, proposals and decisions of this project are recorded here.',
  onlyHere: 'The record is kept by the server. This project is only on this computer.',
  filter: 'Filter the record',
  noMatch: 'No entry matches.',
  record: (seq: number) => `Entry ${seq}`,
  proposal: 'What it changes',
  noRight: 'Members, admins and owners read the record.',
} as const;
