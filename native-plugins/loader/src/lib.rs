//! Loads native plugins and speaks the C contract to them; nobody else touches their pointers.
//!
//! ```text
//!  Loader::open(path) ──► &'static Library ──init(door)──► Instance ──read──► plugin (C table)
//!     file checks            Manifest                                            │
//!     private copy           configure                     Door ◄──checked── C host table
//! ```
//!
//! A library is opened once, judged, copied under a name that is never used again, loaded from there and never
//! unloaded. What a plugin hands over is checked here for pointers, sizes, counts, UTF-8 and
//! bounds, so a [`Door`] sees only safe types. After `shutdown` the door is gone and the plugin's threads, if
//! any are left, hear [`Status::CLOSED`].

mod arguments;
mod calls;
mod context;
mod descriptors;
mod door;
mod elf;
mod error;
mod file;
mod image;
mod instance;
mod lend;
mod library;
mod loader;
mod settled;

pub use descriptors::keep_descriptors;
pub use door::{BatchRef, Call, Door, IdentityRef, Refusal, ValueListRef};
pub use error::{CallError, Complaint, ConfigureError, InitError, OpenError, Unsafe};
pub use image::Image;
pub use instance::{Gate, Instance};
pub use lend::WriteItem;
pub use library::{Digest, DigestError, Library, Manifest};
pub use loader::{Loader, Trust};

pub use gatherd_abi::{Capabilities, Handle, Linked, LogLevel, Status};
