//! The catalogue of a project: its rows, schema and heads in the database. It changes only through approved change sets.

pub(crate) mod rows;

pub(crate) use rows::begin;
