-- Originals travel coded, and only the bytes nobody has yet: the bucket alone rebuilds coded versions too, and a test shows it.
-- Until now every project stored whole files, and nobody could choose otherwise, so that no choice is lost by turning existing projects as
-- well. What they hold already stays as it is: a whole file is a recipe of one raw extent, and later versions share its bytes.
-- An operator who wants whole files in the bucket sets `plain` of a project to true; versions from then on are stored whole.
alter table project alter column plain set default false;
update project set plain = false;
