# SPDX-License-Identifier: Apache-2.0
"""What Bulkhead calls things in its records and metrics, in one place."""

REASON = "error.type"
OUTCOME = "bulkhead.outcome"
LISTENER = "bulkhead.listener"
STATUS = "http.response.status_code"
TENANT = "tenancy.tenant.id"
TIER = "tenancy.tier"
USER = "tenancy.user.id"
TRACE = "trace_id"
COMPARTMENT = "bulkhead.compartment"
REFUSALS = "bulkhead_refusals_total"
REQUESTS = "bulkhead_requests_total"
