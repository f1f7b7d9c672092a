//! Tables of Arrow, in by its C data interface and out the same way, without Arrow: [`scan`] examines the texts of a table cell by cell, [`ArrowScan`] is the table of what was found.
//!
//! ```text
//! capsule -> abi (the structures, moved out) -> schema (types, as a tree) -> read (checked views of one batch's buffers) -> cells -> scan -> table -> export -> capsule
//! ```
//!
//! All `unsafe` of this crate stands in `abi`, `schema`, `read` and `export`. The interface says where buffers begin and how many elements they have, not how many bytes: what it does say is
//! checked (`read` lists it), and a producer that lies is an error. That a pointer points to as many bytes as the elements need has to be believed.
//!
//! [The C data interface](https://arrow.apache.org/docs/format/CDataInterface.html), [the C stream interface](https://arrow.apache.org/docs/format/CStreamInterface.html),
//! [capsules](https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html), [the layouts](https://arrow.apache.org/docs/format/Columnar.html)

mod abi;
mod export;
mod fault;
mod read;
mod scan;
mod schema;
mod table;

pub(crate) use scan::{ArrowScan, scan};
