-- What was written since a catalogue state, without reading the whole catalogue: a kept state is brought up to date by these rows.

create index row_state_since on row_state (project, number);
