//! The program: reads the command line and does what it says.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use hearth::config::{Invocation, invocation};

fn main() -> ExitCode {
    match invocation(std::env::args_os()) {
        Ok(Invocation::Serve(loaded)) => hearth::server::serve(&loaded),
        Ok(Invocation::Segments(command)) => hearth::segments::run(&command),
        Ok(Invocation::Print(text, code)) => {
            // A reader that has seen enough (`hearth --help | head`) is no error.
            let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
            ExitCode::from(code)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
