//! A listening unix socket and its file.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use socket2::{Domain, SockAddr, Socket, Type};

use super::UnixTransport;
use crate::transport::{Address, ListenError, Listener, Transport, next_connection, source_of_field};

#[derive(Debug)]
pub struct UnixListener {
    listener: mio::net::UnixListener,
    path: Arc<Path>,
    /// Device and inode of our socket file, so that a successor's is left alone.
    file: (u64, u64),
}

source_of_field!(UnixListener, listener);

impl UnixListener {
    /// Listens at `path`. A socket that lies there already, left by a process that was killed, is replaced,
    /// as Redis does; anything else is left alone. `permissions` (`unixsocketperm`) hold before the first
    /// connection can come; `None` leaves them to the umask.
    pub fn bind(path: &Path, permissions: Option<u32>, backlog: u32) -> Result<Self, ListenError> {
        remove_stale(path)?;
        Self::bind_at_free_path(path, permissions, backlog)
            .map_err(|source| ListenError::refused_path(path, source))
    }

    fn bind_at_free_path(path: &Path, permissions: Option<u32>, backlog: u32) -> io::Result<Self> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let ready = (|| {
            if let Some(mode) = permissions {
                fs::set_permissions(path, Permissions::from_mode(mode))?;
            }
            socket.listen(backlog.try_into().unwrap_or(i32::MAX))?;
            file_identity(path)
        })();
        let file = ready.inspect_err(|_| drop(fs::remove_file(path)))?;
        let listener = std::os::unix::net::UnixListener::from(OwnedFd::from(socket));
        Ok(UnixListener { listener: mio::net::UnixListener::from_std(listener), path: path.into(), file })
    }
}

impl Listener for UnixListener {
    fn accept(&mut self) -> io::Result<Box<dyn Transport>> {
        let (stream, _) = next_connection(|| self.listener.accept())?;
        Ok(Box::new(UnixTransport::new(stream, self.path.clone())))
    }

    fn address(&self) -> Address {
        Address::Unix(self.path.to_path_buf())
    }

    /// Removes the socket's file, unless another process has put its own there.
    fn close(self: Box<Self>) -> io::Result<()> {
        match file_identity(&self.path) {
            Ok(file) if file == self.file => fs::remove_file(&self.path),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn remove_stale(path: &Path) -> Result<(), ListenError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => {
            fs::remove_file(path).map_err(|source| ListenError::refused_path(path, source))
        }
        Ok(_) => Err(ListenError::NotASocket { path: path.to_owned() }),
        // Missing, or a directory on the way is: binding will tell.
        Err(_) => Ok(()),
    }
}

fn file_identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
