//! The SSH gateway between OpenSSH's clients and its server.

mod channels;
mod files;
mod pushes;
mod stage;
