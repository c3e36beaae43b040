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
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline size_t bulkhead_bio_memory(BIO *bio, char **start) { return (size_t)BIO_get_mem_data(bio, start); }
static inline int bulkhead_public_key_selection(void) { return EVP_PKEY_PUBLIC_KEY; }
