//! Where records come from. Files today; sockets will have their room beside them.

pub(crate) mod file;

pub(crate) use file::identity::Guard;
