/** What a version can be, in the order of the design. */
export const kinds = ['demo', 'rough', 'mix', 'alternate', 'master', 'stem', 'multitrack', 'take'] as const;
