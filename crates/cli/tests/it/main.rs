//! The companion as a program: real folders, real libraries, a real server.

mod accounts;
mod alone;
mod catalogue;
mod computer;
mod killed;
mod organise;
mod studio;
mod together;
mod trouble;
