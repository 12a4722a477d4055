// What the made-up studio finds in an imported CSV.
import type { ImportView } from '../generated/ImportView';
import { cell } from './proposals';
import { id } from './seed';

export function importView(table: string, withErrors: boolean): ImportView {
  const drive = id('trk', 1);
  const tide = id('trk', 2);
  const harbour = id('trk', 3);
  return {
    import: withErrors ? 'imp_errors' : 'imp_fine',
    file_name: 'spring.csv',
    table,
    unchanged: 14,
    changes: [
      cell(drive, 'Night Drive', 'isrc', 'ISRC', null, 'QZABC2600012'),
      cell(drive, 'Night Drive', 'title', 'Title', 'Night Drive', 'Night Drive (Edit)'),
      cell(tide, 'Low Tide', 'composers', 'Composers', 'Mara Lindqvist', null),
      cell(tide, 'Low Tide', 'release_date', 'Release date', '2027-03-05', '2027-05-03'),
      cell(harbour, 'Harbour Lights', '_row', 'Row', 'Harbour Lights', null),
      cell('trk_new', 'Slack Water', '_row', 'Row', null, 'Slack Water'),
    ],
    notices: [
      {
        line: null,
        column: 'upc',
        message:
          '212 cells were changed by the spreadsheet, not by you, and are ignored: leading zeros were lost. Your values stay as they are.',
      },
    ],
    warnings: [{ line: 4, column: 'bpm', message: '61.00 is half of the tempo of version 9. Check it before you propose.' }],
    errors: withErrors
      ? [
          {
            line: 42,
            column: 'release_date',
            message:
              'Row 42, Release date: expected a date like 2026-05-03, found 03/05/26. Nothing was changed. Correct the cell and import the file again.',
          },
          {
            line: 7,
            column: null,
            message: 'Row 7 has two cells more than the header. Nothing was changed. Quote the cell that holds a comma.',
          },
        ]
      : [],
    may_propose: !withErrors,
  };
}
