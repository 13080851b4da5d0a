//! Names that tell things apart: data sets, nodes, the machine's start. Random, shown in hexadecimal.

use std::fmt;

use rustix::rand::{GetRandomFlags, getrandom};

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{self}")
            }
        }
    };
}

identity! {
    /// Which data set a segment belongs to: drawn when the data set is created.
    DataSetId, 16
}
identity! {
    /// Which node made the data set. Twenty bytes, as long as the names cluster clients know.
    NodeId, 20
}
identity! {
    /// Which start of the machine. Memory, and the locks in it, means nothing after another one.
    BootId, 16
}

impl BootId {
    /// The machine's present one, from the kernel.
    pub(crate) fn current() -> std::io::Result<BootId> {
        let text = std::fs::read_to_string(BOOT_ID_FILE)?;
        BootId::parse(text.trim()).ok_or_else(|| std::io::Error::other(format!("not a boot id: {text:?}")))
    }

    fn parse(text: &str) -> Option<BootId> {
        let digits: Vec<u8> = text.bytes().filter(|&byte| byte != b'-').collect();
        let mut id = [0; 16];
        if digits.len() != 32 {
            return None;
        }
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
        }
        Some(BootId(id))
    }
}

/// Where Linux tells the present boot id.
pub(crate) const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";

/// Bytes nobody can guess.
pub(crate) fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_ids_are_read_as_the_kernel_writes_them() {
        let id = BootId::parse("25cb7bde-0813-49e6-9821-3041a472d85b").expect("well formed");
        assert_eq!(id.to_string(), "25cb7bde081349e698213041a472d85b");
        assert_eq!(BootId::parse("25cb7bde"), None);
        assert_eq!(BootId::parse("25cb7bde-0813-49e6-9821-3041a472d85x"), None);
        assert_eq!(BootId::current().expect("readable"), BootId::current().expect("readable"));
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random::<16>().expect("random"), random::<16>().expect("random"));
    }
}
