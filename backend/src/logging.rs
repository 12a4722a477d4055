//! The log on standard error. What is logged never holds tokens, signed addresses, e-mail addresses or file contents: those types are
//! not printable, errors of the store are reduced to their codes, and libraries, which speak of requests and signatures at their lower
//! levels, are heard only when they warn.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogConfig, LogFormat};

/// Starts logging; a second call changes nothing.
pub fn start(config: &LogConfig) {
    let ours = filter_fn(|about| {
        // The S3 protocol library calls every refused request an error.
        about.target().starts_with("collabtrack") || (*about.level() <= LevelFilter::WARN && !about.target().starts_with("s3s"))
    });
    let registry = tracing_subscriber::registry().with(EnvFilter::new(&config.filter)).with(ours);
    let started = match config.format {
        LogFormat::Text => registry.with(fmt::layer().with_writer(std::io::stderr)).try_init(),
        LogFormat::Json => registry.with(fmt::layer().with_writer(std::io::stderr).json()).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
}
