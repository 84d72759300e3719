//! The engine's settings, from Python's mapping of names and values.

use std::path::PathBuf;
use std::time::Duration;

use longma_engine::proxied::ProxyProtocol;
use longma_engine::real_ip::RealIp;
use longma_engine::settings::Settings;
use longma_engine::trusted::TrustedPeers;
use longma_engine::{h2, own};
use longma_proto::h1::{HeaderMap, Limits, Permits, SchemeField, Trust};
use longma_proto::proxy::Versions;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// Read what the engine needs.
pub fn engine_settings(mapping: &Bound<'_, PyAny>) -> PyResult<Settings> {
    Ok(Settings {
        limits: Limits {
            request_line: number(mapping, "limit_request_line")?,
            fields: number(mapping, "limit_request_fields")?,
            field_size: number(mapping, "limit_request_field_size")?,
            header_map: header_map(&mapping.get_item("header_map")?.extract::<String>()?)?,
            permits: permits(mapping)?,
            trust: Trust::default(),
        },
        trusted_peers: peers(mapping, "forwarded_allow_ips")?,
        gateway_peers: peers(mapping, "uwsgi_allow_ips")?,
        trust: trust(mapping)?,
        proxy_protocol: proxy_protocol(mapping)?,
        real_ip: real_ip(mapping)?,
        limit_request_body: mapping.get_item("limit_request_body")?.extract()?,
        body_buffer_size: number(mapping, "body_buffer_size")?,
        response_buffer_size: number(mapping, "response_buffer_size")?,
        keepalive: duration(mapping, "keepalive")?,
        header_timeout: duration(mapping, "header_timeout")?,
        body_timeout: duration(mapping, "body_timeout")?,
        write_timeout: duration(mapping, "write_timeout")?,
        min_transfer_rate: mapping.get_item("min_transfer_rate")?.extract()?,
        worker_connections: number(mapping, "worker_connections")?,
        queue_limit: mapping.call_method1("get", ("queue_limit", 0))?.extract()?,
        queue_timeout: seconds("queue_timeout", mapping.call_method1("get", ("queue_timeout", 0.0))?.extract()?)?,
        head_cache: mapping.get_item("head_cache")?.extract()?,
        sendfile: mapping.get_item("sendfile")?.extract()?,
        h2: http2(mapping)?,
        own: own(mapping)?,
    })
}

/// HTTP/2. Over TLS it is spoken where that was agreed on; here is told how, and where else.
fn http2(mapping: &Bound<'_, PyAny>) -> PyResult<h2::Settings> {
    let default = h2::Settings::default();
    let number = |name: &str, default: u32| mapping.call_method1("get", (name, default))?.extract::<u32>();
    let protocols: Vec<String> = mapping.call_method1("get", ("http_protocols", ("h1",)))?.extract()?;
    let cleartext: String = mapping.call_method1("get", ("http2_cleartext", "off"))?.extract()?;
    let is_spoken = protocols.iter().any(|protocol| protocol == "h2");
    Ok(h2::Settings {
        prior_knowledge: is_spoken && matches!(&*cleartext, "prior-knowledge" | "both"),
        upgrade: is_spoken && matches!(&*cleartext, "upgrade" | "both"),
        max_concurrent_streams: number("http2_max_concurrent_streams", default.max_concurrent_streams)?,
        initial_window_size: number("http2_initial_window_size", default.initial_window_size)?,
        max_frame_size: number("http2_max_frame_size", default.max_frame_size)?,
        max_header_list_size: number("http2_max_header_list_size", default.max_header_list_size)?,
    })
}

/// What the engine answers by itself.
fn own(mapping: &Bound<'_, PyAny>) -> PyResult<own::Settings> {
    let path = |name: &str| Ok::<_, PyErr>(mapping.call_method1("get", (name, ""))?.extract::<String>()?.into_bytes());
    let list = |name: &str| mapping.call_method1("get", (name, PyTuple::empty(mapping.py())));
    let mounts = |name: &str| {
        let pairs: Vec<(String, PathBuf)> = list(name)?.extract()?;
        Ok::<_, PyErr>(pairs.into_iter().map(|(path, directory)| (own::Prefix::new(&path), directory)).collect())
    };
    let hosts: Vec<String> = list("allowed_hosts")?.extract()?;
    Ok(own::Settings {
        health_path: path("health_path")?,
        metrics_path: path("metrics_path")?,
        metrics_peers: peers(mapping, "metrics_allow_ips")?,
        statics: own::StaticSettings {
            mounts: mounts("static")?,
            max_age: mapping.call_method1("get", ("static_max_age", 0))?.extract()?,
            falls_through: mapping.call_method1("get", ("static_missing", "404"))?.extract::<String>()? == "application",
        },
        allowed_hosts: own::hosts::AllowedHosts::new(hosts.iter().map(String::as_str)),
        instead: own::instead::Settings { roots: list("sendfile_root")?.extract()?, mounts: mounts("accel_redirect")? },
    })
}

fn number(mapping: &Bound<'_, PyAny>, name: &str) -> PyResult<usize> {
    mapping.get_item(name)?.extract()
}

fn permits(mapping: &Bound<'_, PyAny>) -> PyResult<Permits> {
    let flag = |name: &str| mapping.call_method1("get", (name, false))?.extract::<bool>();
    Ok(Permits {
        obsolete_folding: flag("permit_obsolete_folding")?,
        spaces_before_colon: flag("strip_header_spaces")?,
        unconventional_method: flag("permit_unconventional_http_method")?,
        unconventional_version: flag("permit_unconventional_http_version")?,
        casefold_method: flag("casefold_http_method")?,
    })
}

fn peers(mapping: &Bound<'_, PyAny>, name: &str) -> PyResult<TrustedPeers> {
    let texts: Vec<String> = mapping.call_method1("get", (name, PyTuple::empty(mapping.py())))?.extract()?;
    TrustedPeers::parse(texts.iter().map(String::as_str))
        .map_err(|text| PyValueError::new_err(format!("{name}: {text:?} is no address and no network")))
}

fn real_ip(mapping: &Bound<'_, PyAny>) -> PyResult<Option<RealIp>> {
    match mapping.call_method1("get", ("real_ip", ""))?.extract::<String>()?.as_str() {
        "" => Ok(None),
        "x-forwarded-for" => Ok(Some(RealIp::XForwardedFor)),
        "forwarded" => Ok(Some(RealIp::Forwarded)),
        other => Err(PyValueError::new_err(format!("real_ip: {other:?} is neither x-forwarded-for nor forwarded"))),
    }
}

fn proxy_protocol(mapping: &Bound<'_, PyAny>) -> PyResult<Option<ProxyProtocol>> {
    let versions = match mapping.call_method1("get", ("proxy_protocol", "off"))?.extract::<String>()?.as_str() {
        "off" => return Ok(None),
        "v1" => Versions::V1,
        "v2" => Versions::V2,
        "auto" => Versions::Both,
        other => return Err(PyValueError::new_err(format!("proxy_protocol: {other:?} is none of off, v1, v2, auto"))),
    };
    Ok(Some(ProxyProtocol { versions, allowed: peers(mapping, "proxy_allow_ips")? }))
}

fn trust(mapping: &Bound<'_, PyAny>) -> PyResult<Trust> {
    let bytes = |text: String| text.into_bytes().into_boxed_slice();
    let schemes = mapping.call_method1("get", ("secure_scheme_headers", PyDict::new(mapping.py())))?;
    let schemes: Vec<(String, String)> =
        schemes.call_method0("items")?.try_iter()?.map(|pair| pair?.extract()).collect::<PyResult<_>>()?;
    let names: Vec<String> = mapping.call_method1("get", ("forwarder_headers", PyTuple::empty(mapping.py())))?.extract()?;
    let schemes = schemes.into_iter().map(|(name, https)| SchemeField { name: bytes(name), https: bytes(https) });
    let trust = Trust::new(schemes.collect(), names.into_iter().map(bytes).collect());
    let goes_by_forwarded = real_ip(mapping)? == Some(RealIp::Forwarded);
    Ok(if goes_by_forwarded { trust.judging_forwarded() } else { trust })
}

/// Seconds, with a fraction.
fn duration(mapping: &Bound<'_, PyAny>, name: &str) -> PyResult<Duration> {
    seconds(name, mapping.get_item(name)?.extract()?)
}

fn seconds(name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|error| PyValueError::new_err(format!("{name}: {error}")))
}

fn header_map(name: &str) -> PyResult<HeaderMap> {
    match name {
        "drop" => Ok(HeaderMap::Drop),
        "refuse" => Ok(HeaderMap::Refuse),
        "dangerous" => Ok(HeaderMap::Dangerous),
        other => Err(PyValueError::new_err(format!("header_map: {other:?} is none of drop, refuse, dangerous"))),
    }
}
