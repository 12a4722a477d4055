//! Versions: announced with a number, completed by a recipe, read through signed requests. A version, once recorded, never changes what
//! it is; only its state does.

pub mod announce;
pub mod commit;
pub mod damage;
pub mod edit;
pub mod files;
mod known;
pub mod reads;
pub(crate) mod rows;
pub mod tables;
mod tracks;
pub mod trash;
