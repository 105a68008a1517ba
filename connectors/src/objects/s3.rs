//! A bucket of S3, or of a server that speaks like it: keys below a prefix.
//!
//! # Semantics
//! Put-if-absent is `If-None-Match: *`. What is not set comes from the environment as AWS's own tools read it
//! (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, web identity), and at last from the
//! machine's role. Calls block; they run on a small runtime of their own, so never from within another one.
//!
//! # Errors
//! A request that the server did not get, or answered with 5xx, is sent again for [`RETRY`] at most.
//!
//! # Limits
//! An object is one request: 5 GB, and what the connection carries within the transport's timeout.

use super::transport::Transport;
use super::{Objects, ObjectsError, Put};
use crate::sink::http::{Secret, TlsSpec};
use async_trait::async_trait;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{
    BackoffConfig, CredentialProvider, Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RetryConfig,
};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How long a request is tried again.
const RETRY: Duration = Duration::from_secs(15);

/// Characters of an error that are shown.
const SHOWN: usize = 400;

/// Who we say we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Keys {
    /// The key's name.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Secret,
}

/// Where a bucket is, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Spec {
    /// Its name.
    pub bucket: String,
    /// What keys begin with; without a slash at its end.
    pub prefix: String,
    /// The server, as https://HOST; AWS's own without one.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// Who we are; from the environment without it.
    pub keys: Option<S3Keys>,
    /// Whether the server may be reached without TLS.
    pub allow_http: bool,
    /// Which certificates count.
    pub tls: TlsSpec,
}

/// The parts of `s3://BUCKET/PREFIX`, if it is one.
pub fn bucket_and_prefix(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("s3://")?.trim_end_matches('/');
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_bucket = (3..=63).contains(&bucket.len())
        && bucket.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c));
    let is_prefix = prefix.is_empty() || !prefix.starts_with('/') && Path::parse(prefix).is_ok();
    (is_bucket && is_prefix).then_some((bucket, prefix))
}

/// Keys that are read each time they are needed, so that a file with one can be changed under a running process.
#[derive(Debug)]
struct OurKeys(S3Keys);

#[async_trait]
impl CredentialProvider for OurKeys {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let S3Keys { access_key_id, secret_access_key } = &self.0;
        let secret_key = secret_access_key.read().map_err(|e| Error::Generic { store: "S3", source: Box::new(e) })?;
        Ok(Arc::new(AwsCredential { key_id: access_key_id.clone(), secret_key, token: None }))
    }
}

/// A bucket.
pub struct S3 {
    store: AmazonS3,
    runtime: Runtime,
    place: String,
    prefix: String,
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3({})", self.place)
    }
}

impl S3 {
    /// The bucket; nothing is sent yet.
    pub fn new(spec: &S3Spec) -> Result<Self, ObjectsError> {
        let S3Spec { bucket, prefix, endpoint, region, keys, allow_http, tls } = spec;
        let place = format!("s3://{bucket}/{prefix}").trim_end_matches('/').to_owned();
        let settings = |reason: String| ObjectsError::Settings { place: place.clone(), reason };
        // Whether TLS is asked for is looked at below; the transport takes what remains for the machine's metadata.
        let mut builder = AmazonS3Builder::from_env()
            .with_allow_http(false)
            .with_bucket_name(bucket)
            .with_disable_bulk_delete(true)
            .with_retry(RetryConfig { max_retries: 2, retry_timeout: RETRY, backoff: BackoffConfig::default() });
        if let Some(endpoint) = endpoint {
            builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
        }
        if let Some(region) = region {
            builder = builder.with_region(region);
        }
        if let Some(keys) = keys {
            keys.secret_access_key.read().map_err(|e| settings(e.to_string()))?;
            builder = builder.with_credentials(Arc::new(OurKeys(keys.clone())));
        }
        let reached = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint];
        let reached = reached.iter().find_map(|key| builder.get_config_value(key));
        let is_tls = reached.as_ref().is_none_or(|at| !at.starts_with("http://"));
        if !is_tls && !allow_http {
            let at = reached.unwrap_or_default();
            return Err(settings(format!("{at} is reached without TLS: write https://, or allow_http: true")));
        }
        let transport = Transport::new(tls, is_tls).map_err(|e| settings(e.to_string()))?;
        let store = builder.with_http_connector(transport).build().map_err(|e| settings(shown(&e)))?;
        let runtime = Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|e| settings(format!("a runtime cannot be made: {e}")))?;
        Ok(Self { store, runtime, place, prefix: prefix.clone() })
    }

    fn path(&self, key: &str) -> Path {
        Path::from(format!("{}/{key}", self.prefix))
    }

    /// Runs a request to its end.
    fn wait<T>(&self, work: impl Future<Output = object_store::Result<T>>) -> object_store::Result<T> {
        self.runtime.block_on(work)
    }

    fn failed(&self, doing: &str, key: &str, error: &Error) -> ObjectsError {
        let reason = shown(error);
        // Some calls give what the server said as text alone.
        let says = |parts: &[&str]| parts.iter().any(|part| reason.contains(part));
        let advice = match error {
            Error::NotImplemented { .. } | Error::NotSupported { .. } => NO_CONDITION,
            _ if says(&["501 Not Implemented"]) => NO_CONDITION,
            _ if error.to_string().contains("169.254.169.254") => {
                "no key is set and this machine has no role: set access_key_id and secret_access_key"
            }
            _ if says(&["401 ", "403 "]) => {
                "check the key, and that it may read, write, list and delete below the prefix"
            }
            _ if says(&["404 "]) => "make the bucket, or correct the address",
            _ => "check that the server is up and reached from here",
        };
        ObjectsError::Failed { place: self.place.clone(), doing: format!("{doing} {key}"), reason, advice }
    }
}

/// What is to be done where a server does not know what we rely on.
const NO_CONDITION: &str = "the server has to know `If-None-Match` of a put: take one that does";

/// An error as the server or the connection gave it, without what every one of them says.
fn shown(error: &Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" - ").map_or(text.as_str(), |(_, text)| text);
    let text = text.trim_start_matches("Server returned non-2xx status code: ").trim_start_matches("HTTP error: ");
    let between = |from: &str, to: &str| Some(text.split_once(from)?.1.split_once(to)?.0);
    let line = match (text.split_once(": <"), between("<Code>", "</Code>"), between("<Message>", "</Message>")) {
        (Some((status, _)), Some(code), message) => format!("{status}: {code}: {}", message.unwrap_or_default()),
        _ => text.to_owned(),
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    words.join(" ").trim_end_matches([':', ' ']).chars().take(SHOWN).collect()
}

impl Objects for S3 {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ObjectsError> {
        let path = self.path(key);
        match self.wait(async { self.store.get(&path).await?.bytes().await }) {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            // A bucket that is not there is something else.
            Err(Error::NotFound { source, .. }) if !source.to_string().contains("NoSuchBucket") => Ok(None),
            Err(error) => Err(self.failed("reading", key, &error)),
        }
    }

    fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), ObjectsError> {
        let path = self.path(key);
        let done = self.wait(self.store.put(&path, PutPayload::from(bytes)));
        done.map(|_| ()).map_err(|error| self.failed("writing", key, &error))
    }

    fn put_if_absent(&self, key: &str, bytes: Vec<u8>) -> Result<Put, ObjectsError> {
        let path = self.path(key);
        match self.wait(self.store.put_opts(&path, PutPayload::from(bytes), PutMode::Create.into())) {
            Ok(_) => Ok(Put::Made),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(Put::Exists),
            Err(error) => Err(self.failed("making", key, &error)),
        }
    }

    fn list(&self, folder: &str, most: usize) -> Result<Vec<String>, ObjectsError> {
        let prefix = self.path(folder).to_string() + "/";
        let options = PaginatedListOptions { max_keys: Some(most), ..PaginatedListOptions::default() };
        let listed = self.wait(self.store.list_paginated(Some(&prefix), options));
        let found = listed.map_err(|error| self.failed("listing", folder, &error))?.result.objects.into_iter();
        let mut keys: Vec<String> =
            found.filter_map(|o| Some(o.location.as_ref().strip_prefix(&prefix)?.to_owned())).collect();
        keys.sort_unstable();
        Ok(keys)
    }

    fn delete(&self, key: &str) -> Result<(), ObjectsError> {
        let path = self.path(key);
        match self.wait(self.store.delete(&path)) {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("removing", key, &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::Mutex;

    /// A server that gives these answers, one after the other, and notes what it was asked.
    fn server(answers: Vec<(u16, &'static str)>) -> (S3, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let notes = asked.clone();
        std::thread::spawn(move || {
            for (status, body) in answers {
                let (stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream);
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    let line = line.trim_end().to_lowercase();
                    length = line.strip_prefix("content-length: ").map_or(length, |n| n.parse().unwrap());
                    if line.is_empty() {
                        break;
                    }
                    head.push_str(&line);
                    head.push('\n');
                }
                let mut sent = vec![0; length];
                reader.read_exact(&mut sent).unwrap();
                notes.lock().unwrap().push(head + &String::from_utf8_lossy(&sent));
                let (more, bytes) = ("etag: \"x\"\r\nlast-modified: Mon, 30 Nov 2026 20:00:00 GMT", body.len());
                let head = format!("HTTP/1.1 {status} X\r\n{more}\r\nconnection: close\r\ncontent-length: {bytes}");
                write!(reader.get_mut(), "{head}\r\n\r\n{body}").unwrap();
            }
        });
        let keys = S3Keys { access_key_id: "me".to_owned(), secret_access_key: Secret::Inline("hidden".to_owned()) };
        let spec = S3Spec {
            bucket: "bucket".to_owned(),
            prefix: "a/b".to_owned(),
            endpoint: Some(endpoint),
            region: Some("eu-1".to_owned()),
            keys: Some(keys),
            allow_http: true,
            tls: TlsSpec::default(),
        };
        (S3::new(&spec).unwrap(), asked)
    }

    #[test]
    fn a_put_where_there_is_none_asks_for_that_and_hears_whether_there_was_one() {
        let answers = vec![(200, ""), (412, "<Error/>"), (409, "<Error/>"), (503, "busy"), (200, "")];
        let (s3, asked) = server(answers);
        let put = || s3.put_if_absent("gen/1", b"mine".to_vec());
        assert_eq!([put(), put(), put(), put()], [Ok(Put::Made), Ok(Put::Exists), Ok(Put::Exists), Ok(Put::Made)]);
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), 5);
        for request in asked.iter() {
            assert!(request.starts_with("put /bucket/a/b/gen/1 http/1.1\n"), "{request}");
            assert!(request.contains("if-none-match: *\n") && request.ends_with("mine"), "{request}");
            assert!(request.contains("aws4-hmac-sha256 credential=me/") && !request.contains("hidden"), "{request}");
        }
    }

    #[test]
    fn what_is_there_is_read_and_what_is_not_is_none() {
        let gone = (404, "<Error><Code>NoSuchBucket</Code></Error>");
        let answers = vec![(200, "bytes"), (404, "<Error><Code>NoSuchKey</Code></Error>"), gone, (204, ""), (404, "")];
        let (s3, _) = server(answers);
        assert_eq!(s3.get("x"), Ok(Some(b"bytes".to_vec())));
        assert_eq!(s3.get("x"), Ok(None));
        let error = s3.get("x").unwrap_err().to_string();
        assert!(
            error.starts_with("s3://bucket/a/b: reading x failed: ") && error.ends_with("correct the address"),
            "{error}"
        );
        assert_eq!([s3.delete("x"), s3.delete("x")], [Ok(()), Ok(())]);
    }

    #[test]
    fn a_list_asks_for_no_more_than_is_wanted() {
        let listed = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>\
            <Contents><Key>a/b/manifest/00ff</Key><Size>3</Size><LastModified>2026-11-30T20:00:00.000Z</LastModified></Contents>\
            </ListBucketResult>";
        let (s3, asked) = server(vec![(200, listed)]);
        assert_eq!(s3.list("manifest", 1), Ok(vec!["00ff".to_owned()]));
        let asked = asked.lock().unwrap();
        assert!(asked[0].contains("max-keys=1 ") && asked[0].contains("prefix=a%2fb%2fmanifest%2f"), "{asked:?}");
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_do_and_without_the_key() {
        let (s3, _) = server(vec![
            (403, "<Error><Code>AccessDenied</Code></Error>"),
            (404, "<?xml?>\n<Error><Code>NoSuchBucket</Code><Message>There is none</Message></Error>"),
        ]);
        let error = s3.put("x", Vec::new()).unwrap_err().to_string();
        let advice = "check the key, and that it may read, write, list and delete below the prefix";
        assert_eq!(error, format!("s3://bucket/a/b: writing x failed: 403 Forbidden: AccessDenied; {advice}"));
        assert!(!error.contains("hidden") && !format!("{s3:?}").contains("hidden"), "{error}");
        let error = s3.list("x", 1).unwrap_err().to_string();
        let gone = "404 Not Found: NoSuchBucket: There is none; make the bucket, or correct the address";
        assert_eq!(error, format!("s3://bucket/a/b: listing x failed: {gone}"));
        // Nobody listens.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let keys = S3Keys { access_key_id: "me".to_owned(), secret_access_key: Secret::Inline("hidden".to_owned()) };
        let mut spec = S3Spec {
            bucket: "bucket".to_owned(),
            prefix: String::new(),
            endpoint: Some(format!("http://127.0.0.1:{port}")),
            region: None,
            keys: Some(keys),
            allow_http: true,
            tls: TlsSpec::default(),
        };
        let error = S3::new(&spec).unwrap().get("x").unwrap_err().to_string();
        assert!(error.contains("s3://bucket: reading x failed") && error.contains("is up and reached"), "{error}");
        spec.allow_http = false;
        let error = S3::new(&spec).unwrap_err().to_string();
        assert!(error.ends_with("is reached without TLS: write https://, or allow_http: true"), "{error}");
        assert_eq!(bucket_and_prefix("s3://bucket/a/b/"), Some(("bucket", "a/b")));
        for url in ["s3://b", "https://bucket", "s3://Bucket", "s3://", "s3://bucket/a//b"] {
            assert_eq!(bucket_and_prefix(url), None, "{url}");
        }
    }
}
