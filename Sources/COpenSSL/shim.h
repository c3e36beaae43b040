#pragma once
// SPDX-License-Identifier: Apache-2.0
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline size_t bulkhead_bio_memory(BIO *bio, char **start) { return (size_t)BIO_get_mem_data(bio, start); }
static inline int bulkhead_public_key_selection(void) { return EVP_PKEY_PUBLIC_KEY; }

// SHA-256 without a context of EVP's: that allocates four blocks for each digest, and costs more than a short message does.
// These are called deprecated since OpenSSL 3.0, but compute the same, with the same instructions of the processor.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
static inline void bulkhead_sha256_start(SHA256_CTX *c) { SHA256_Init(c); }
static inline void bulkhead_sha256_update(SHA256_CTX *c, const void *bytes, size_t count) { SHA256_Update(c, bytes, count); }
static inline void bulkhead_sha256_finish(SHA256_CTX *c, unsigned char *digest) { SHA256_Final(digest, c); }
#pragma clang diagnostic pop

// The queue is almost always empty, which is cheaper to see than to make sure of.
static inline void bulkhead_clear_errors(void) { if (ERR_peek_error() != 0) ERR_clear_error(); }

static inline uint64_t bulkhead_tls_options(void) {
    return SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;
}
static inline void bulkhead_ctx_set_mode(SSL_CTX *c, long mode) { SSL_CTX_set_mode(c, mode); }
static inline void bulkhead_ssl_release_buffers(SSL *s, int early) {
    if (early) SSL_set_mode(s, SSL_MODE_RELEASE_BUFFERS); else SSL_clear_mode(s, SSL_MODE_RELEASE_BUFFERS);
}
static inline int bulkhead_ctx_set_minimum(SSL_CTX *c, int version) { return (int)SSL_CTX_set_min_proto_version(c, version); }
static inline int bulkhead_ctx_set_maximum(SSL_CTX *c, int version) { return (int)SSL_CTX_set_max_proto_version(c, version); }
static inline int bulkhead_ctx_set_groups(SSL_CTX *c, const char *list) { return (int)SSL_CTX_set1_groups_list(c, list); }
static inline int bulkhead_ctx_set_sigalgs(SSL_CTX *c, const char *list) { return (int)SSL_CTX_set1_sigalgs_list(c, list); }
static inline void bulkhead_ctx_set_session_cache(SSL_CTX *c, long mode) { SSL_CTX_set_session_cache_mode(c, mode); }
static inline void bulkhead_ctx_on_server_name(SSL_CTX *c, int (*f)(SSL *, int *, void *)) { SSL_CTX_set_tlsext_servername_callback(c, f); }
static inline int bulkhead_ssl_set_server_name(SSL *s, const char *name) { return (int)SSL_set_tlsext_host_name(s, name); }
static inline void bulkhead_bio_set_retry_read(BIO *b) { BIO_set_retry_read(b); }
static inline void bulkhead_bio_clear_retry(BIO *b) { BIO_clear_retry_flags(b); }
static inline STACK_OF(X509) *bulkhead_chain_new(void) { return sk_X509_new_null(); }
static inline int bulkhead_chain_push(STACK_OF(X509) *s, X509 *x) { return sk_X509_push(s, x); }
static inline void bulkhead_chain_free(STACK_OF(X509) *s) { sk_X509_pop_free(s, X509_free); }
static inline void bulkhead_free(void *p) { OPENSSL_free(p); }
static inline int bulkhead_chain_count(const STACK_OF(X509) *s) { return s ? sk_X509_num(s) : 0; }
static inline X509 *bulkhead_chain_at(const STACK_OF(X509) *s, int i) { return sk_X509_value(s, i); }
static inline int bulkhead_names_count(const GENERAL_NAMES *n) { return sk_GENERAL_NAME_num(n); }
static inline GENERAL_NAME *bulkhead_names_at(const GENERAL_NAMES *n, int i) { return sk_GENERAL_NAME_value(n, i); }
static inline unsigned long bulkhead_rfc2253_flags(void) { return XN_FLAG_RFC2253; }
