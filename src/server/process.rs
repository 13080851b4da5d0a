//! The process around a server: log, working directory, pid file, exit code.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use super::{Options, Server, ServerError};
use crate::config::{Loaded, Settings};
use crate::telemetry::{log, log_panics};

/// Serves until it is stopped. The exit code is the process's.
pub fn serve(loaded: &Loaded) -> ExitCode {
    let settings = loaded.config.settings();
    if let Err(error) = env::set_current_dir(&settings.dir) {
        return failed(&format!("Can't chdir to '{}': {error}", settings.dir.display()));
    }
    if let Err(error) = log::open(settings.log_level, settings.log_file.as_deref()) {
        let file = settings.log_file.as_deref().unwrap_or(Path::new("stdout"));
        return failed(&format!("Can't open the log file {}: {error}", file.display()));
    }
    log_panics();
    log::starting(loaded.config.file());
    loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let server = match Server::start(loaded.config.clone(), Options::default()) {
        Ok(server) => server,
        Err(error) => return not_started(&settings, &error),
    };
    let pid_file = PidFile::write(&settings);
    let ended = server.wait();
    drop(pid_file);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Before there is a log.
fn failed(reason: &str) -> ExitCode {
    eprintln!("{reason}");
    ExitCode::FAILURE
}

fn not_started(settings: &Settings, error: &ServerError) -> ExitCode {
    tracing::error!("{error}");
    if let ServerError::Listen(error) = error
        && error.is_address_in_use()
    {
        log::failed_listening(settings.port);
    }
    ExitCode::FAILURE
}

/// The file that holds the process id for as long as the server serves.
struct PidFile(PathBuf);

impl PidFile {
    /// Where the settings name one.
    fn write(settings: &Settings) -> Option<PidFile> {
        let path = settings.pid_file.clone()?;
        match fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => Some(PidFile(path)),
            Err(error) => {
                tracing::warn!("Failed to write PID file {}: {error}", path.display());
                None
            }
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Somebody else may have removed it.
        let _ = fs::remove_file(&self.0);
    }
}
