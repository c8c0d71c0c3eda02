#pragma once

// Node-API as this addon uses it, whatever builds it.

#define NAPI_VERSION 8
#define NAPI_CPP_EXCEPTIONS
// A thread that ends leaves jobs whose promises nobody can settle; without this they would end the process.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS

#include <napi.h>
