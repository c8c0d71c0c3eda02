#pragma once
// All that TensorRT's headers want of CUDA's: two opaque handles, which are the driver API's CUstream and CUevent.
typedef struct CUstream_st* cudaStream_t;
typedef struct CUevent_st* cudaEvent_t;
