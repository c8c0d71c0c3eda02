/// In place of CUDA's own header: the two types of it that TensorRT's headers name. Both are handles of the driver's.
#pragma once

typedef struct CUstream_st* cudaStream_t;
typedef struct CUevent_st* cudaEvent_t;
