//go:build tools

// Package tools pins grpcurl, which build.sh builds for the tests.
package tools

import _ "github.com/fullstorydev/grpcurl/cmd/grpcurl"
