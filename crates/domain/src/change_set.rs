//! Change sets: proposed groups of catalogue changes, their exact bytes, what approving them would do, and who may decide.

pub mod authority;
pub mod diff;
pub mod effect;
pub mod inverse;
pub mod merge;
pub mod op;
pub mod redact;
pub mod resolve;
pub mod revision;
pub mod risk;
pub mod shown;
pub mod split;
pub mod status;

#[cfg(test)]
mod tests;
