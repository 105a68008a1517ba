//! What the tests share: conformance files, script language, comparison.
