-- Floats that are no integers are stored as whole numbers in FLAC and the bits those do not hold.

alter table extent drop constraint extent_codec_check;
alter table extent add constraint extent_codec_check
    check (codec in ('raw', 'flac', 'zstd', 'planes-zstd', 'flac-floats', 'flac-residual'));
