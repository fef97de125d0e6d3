// Holds the precompiled header: CMake builds one only for a target with a source that uses it.
