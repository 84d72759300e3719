//! The access log, as the operator wants it: where it goes, and how its lines look.

use std::os::fd::BorrowedFd;
use std::path::Path;

use longma_engine::access::{AccessLog, Style};
use longma_engine::outlets::Outlets;
use longma_engine::outlets::address::{self, Address};
use longma_engine::outlets::syslog;
use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;

use crate::object::Ref;
use crate::text::{native_bytes, shown};

const SYSLOG_PORT: u16 = 514;
const STATSD_PORT: u16 = 8125;

/// The access log that the settings ask for, if any.
pub fn access_log(settings: &Bound<'_, PyAny>) -> PyResult<Option<AccessLog>> {
    let mut outlets = Outlets::default();
    match optional::<String>(settings, "accesslog")?.as_deref() {
        None | Some("") => {}
        Some("-") => {
            // SAFETY: descriptor 1 is standard output, borrowed only to be duplicated.
            let stdout = unsafe { BorrowedFd::borrow_raw(1) };
            outlets.add_standard_output(stdout)?;
        }
        Some(path) => outlets.add_file(Path::new(path))?,
    }
    if flag(settings, "syslog")? && !flag(settings, "disable_redirect_access_to_syslog")? {
        add_syslog(&mut outlets, settings)?;
    }
    if let Some(host) = optional::<String>(settings, "statsd_host")? {
        let address = statsd_address(&host).ok_or_else(|| refused("statsd_host", &host))?;
        outlets.add_statsd(address, &text(settings, "statsd_prefix")?, &text(settings, "dogstatsd_tags")?);
    }
    if outlets.is_empty() {
        return Ok(None);
    }
    let format = text(settings, "access_log_format")?;
    let style = if text(settings, "log_format")? == "json" { Style::Json } else { Style::Plain(&format) };
    Ok(Some(AccessLog::new(outlets, style)))
}

fn add_syslog(outlets: &mut Outlets, settings: &Bound<'_, PyAny>) -> PyResult<()> {
    let address = optional::<String>(settings, "syslog_addr")?.unwrap_or_else(|| "udp://localhost:514".to_owned());
    let parsed = Address::parse(&address, SYSLOG_PORT).ok_or_else(|| refused("syslog_addr", &address))?;
    let name = optional::<String>(settings, "syslog_facility")?.unwrap_or_else(|| "user".to_owned());
    let facility = syslog::facility(&name).ok_or_else(|| refused("syslog_facility", &name))?;
    outlets.add_syslog(parsed, facility, &syslog_prefix(settings)?);
    Ok(())
}

/// What stands between `gunicorn.` and `.access`: the prefix, or the name of the process.
fn syslog_prefix(settings: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Some(prefix) = optional::<String>(settings, "syslog_prefix")? {
        return Ok(prefix);
    }
    let name = match optional::<String>(settings, "proc_name")? {
        Some(name) => Some(name),
        None => optional(settings, "default_proc_name")?,
    };
    Ok(name.unwrap_or_else(|| "longma".to_owned()).replace(':', "."))
}

fn statsd_address(host: &str) -> Option<Address> {
    if host.starts_with("unix://") {
        return Address::parse(host, STATSD_PORT);
    }
    address::host_and_port(host, STATSD_PORT).map(|(host, port)| Address::Udp(host, port))
}

fn refused(name: &str, value: &str) -> PyErr {
    PyValueError::new_err(format!("{name}: {value:?} cannot be used"))
}

fn flag(settings: &Bound<'_, PyAny>, name: &str) -> PyResult<bool> {
    Ok(optional(settings, name)?.unwrap_or(false))
}

fn text(settings: &Bound<'_, PyAny>, name: &str) -> PyResult<String> {
    Ok(optional(settings, name)?.unwrap_or_default())
}

/// A setting that may be missing or `None`.
fn optional<'py, T: FromPyObjectOwned<'py>>(settings: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<T>> {
    match settings.get_item(name) {
        Ok(value) if value.is_none() => Ok(None),
        Ok(value) => value.extract().map(Some).map_err(Into::into),
        Err(error) if error.is_instance_of::<PyKeyError>(settings.py()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Find a variable whose lower-cased name is `name`.
pub fn look_up(environ: &Ref, name: &str, out: &mut Vec<u8>) -> bool {
    // SAFETY: attached, and the environ is a dict that is held.
    unsafe {
        let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        while ffi::PyDict_Next(environ.as_ptr(), &raw mut position, &raw mut key, &raw mut value) != 0 {
            let matches = native_bytes(key).is_some_and(|text| text.eq_ignore_ascii_case(name.as_bytes()));
            if matches {
                return shown(value, out);
            }
        }
    }
    false
}
