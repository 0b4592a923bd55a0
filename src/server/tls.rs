//! TLS, where no proxy in front of the server does it: a certificate and its key from two PEM files, which
//! are read again when they change.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use opentelemetry::metrics::Meter;
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::{Accept, TlsAcceptor};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::base::clock::Timestamp;

/// Where certificate and key are. `Display` names both.
#[derive(Clone, Debug)]
pub struct Files {
    /// The certificate of the server first, then those that vouch for it.
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}", self.cert.display(), self.key.display())
    }
}

/// Why there is no TLS with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{} cannot be read: {error}", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("{} is no PEM file of the kind that is wanted: {error}", path.display())]
    NoPem { path: PathBuf, error: pem::Error },
    #[error("{files} do not go together: {error}")]
    Unfit { files: Files, error: rustls::Error },
    #[error("{0}")]
    Settings(rustls::Error),
}

/// The server's side of TLS. Clones share the certificate.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
}

/// The certificate that is shown to callers at present.
struct Shown {
    provider: Arc<CryptoProvider>,
    files: Files,
    current: ArcSwap<CertifiedKey>,
    /// What the files held when they were last read, good or bad.
    last: Mutex<Held>,
}

/// The bytes of two files.
#[derive(PartialEq, Eq)]
struct Held {
    cert: Vec<u8>,
    key: zeroize::Zeroizing<Vec<u8>>,
}

impl Tls {
    /// Reads the files; TLS 1.2 and 1.3, for HTTP/2 and HTTP/1.1.
    pub fn load(files: Files) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let held = Held::read(&files)?;
        let current = ArcSwap::from_pointee(held.certified(&files, &provider)?);
        let shown = Arc::new(Shown { provider: provider.clone(), files, current, last: Mutex::new(held) });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Settings)?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), shown })
    }

    /// Looks whether the files have changed, and shows from now on what they hold; whether that is new. As long as
    /// they are no good, what was shown before goes on being shown.
    pub fn refresh(&self) -> Result<bool, TlsError> {
        let shown = &*self.shown;
        let held = Held::read(&shown.files)?;
        let mut last = shown.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == held {
            return Ok(false);
        }
        shown.current.store(Arc::new(held.certified(&shown.files, &shown.provider)?));
        *last = held;
        Ok(true)
    }

    /// Until when the certificate that is shown is valid (RFC 5280 §4.1.2.5); `None` where that cannot be read.
    pub fn not_after(&self) -> Option<Timestamp> {
        let shown = self.shown.current.load();
        let (_, certificate) = X509Certificate::from_der(shown.cert.first()?).ok()?;
        Timestamp::from_micros(certificate.validity().not_after.timestamp().checked_mul(1_000_000)?)
    }

    /// Measures from now on.
    pub fn measure(&self, meter: &Meter) {
        let this = self.clone();
        meter
            .i64_observable_gauge("tls.certificate.not_after.timestamp")
            .with_unit("s")
            .with_description("When the certificate that is shown stops being valid, since 1970")
            .with_callback(move |to| _ = this.not_after().map(|end| to.observe(end.seconds(), &[])))
            .build();
    }

    pub(super) fn accept(&self, stream: TcpStream) -> Accept<TcpStream> {
        self.acceptor.accept(stream)
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Held {
    fn read(files: &Files) -> Result<Self, TlsError> {
        let read = |path: &PathBuf| {
            fs::read(path).map_err(|error| TlsError::Unreadable { path: path.clone(), error })
        };
        Ok(Self { cert: read(&files.cert)?, key: read(&files.key)?.into() })
    }

    fn certified(&self, files: &Files, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let no_pem = |path: &PathBuf, error| TlsError::NoPem { path: path.clone(), error };
        let chain = CertificateDer::pem_slice_iter(&self.cert).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| no_pem(&files.cert, error))?;
        if chain.is_empty() {
            return Err(no_pem(&files.cert, pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| no_pem(&files.key, error))?;
        CertifiedKey::from_der(chain, key, provider)
            .map_err(|error| TlsError::Unfit { files: files.clone(), error })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rcgen::{
        CertificateParams, CertifiedKey as Made, KeyPair, date_time_ymd, generate_simple_self_signed,
    };

    use super::*;
    use crate::telemetry::metrics::{Exposition, Metrics};

    fn made() -> (String, String) {
        let Made { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    fn files(folder: &Path, cert: &str, key: &str) -> Files {
        let files = Files { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
        fs::write(&files.cert, cert).unwrap();
        fs::write(&files.key, key).unwrap();
        files
    }

    #[test]
    fn files_that_changed_are_shown_and_bad_ones_told_until_they_are_mended() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (made(), made());
        let tls = Tls::load(files(folder.path(), &one.0, &one.1)).unwrap();
        let shown = || tls.shown.current.load().cert.first().unwrap().clone();
        let first = shown();
        assert!(!tls.refresh().unwrap());
        // Half of a renewal: the key does not belong to the certificate yet.
        files(folder.path(), &two.0, &one.1);
        for _ in 0..2 {
            assert!(matches!(tls.refresh(), Err(TlsError::Unfit { .. })) && shown() == first);
        }
        files(folder.path(), &two.0, &two.1);
        assert!(tls.refresh().unwrap() && shown() != first);
        fs::remove_file(folder.path().join("key.pem")).unwrap();
        assert!(matches!(tls.refresh(), Err(TlsError::Unreadable { .. })) && shown() != first);
    }

    #[test]
    fn the_end_of_what_is_shown_is_measured_and_follows_it() {
        let until = |year| {
            let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
            params.not_after = date_time_ymd(year, 2, 1);
            let key = KeyPair::generate().unwrap();
            (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
        };
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (until(2031), until(2061));
        let tls = Tls::load(files(folder.path(), &one.0, &one.1)).unwrap();
        let metrics = Metrics::start().unwrap();
        tls.measure(metrics.meter());
        let told = || {
            let text = metrics.scrape(Exposition::Text).unwrap();
            let name = "tls_certificate_not_after_timestamp_seconds ";
            text.lines().find_map(|line| line.strip_prefix(name)?.parse().ok())
        };
        assert_eq!(
            (told(), tls.not_after().unwrap().to_string()),
            (Some(1_927_670_400), "2031-02-01T00:00:00.000000Z".into())
        );
        files(folder.path(), &two.0, &two.1);
        tls.refresh().unwrap();
        // Beyond 2049 it is written in another form (RFC 5280 §4.1.2.5.2).
        assert_eq!(told(), Some(2_874_441_600_i64));
    }

    #[test]
    fn what_is_no_certificate_or_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = made();
        for (one, other, named) in [
            ("", key.as_str(), "cert.pem"),
            (&cert, "", "key.pem"),
            (&key, &key, "cert.pem"),
            (&cert, &cert, "key.pem"),
        ] {
            let error = Tls::load(files(folder.path(), one, other)).err().unwrap().to_string();
            assert!(error.contains(named) && error.contains("no PEM"), "{error}");
        }
    }
}
