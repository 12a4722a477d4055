//! The rules of the catalogue against programs of others.

mod awkward;
mod libreoffice;
