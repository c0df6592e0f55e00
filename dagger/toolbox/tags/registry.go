package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"
	"oras.land/oras-go/v2/registry/remote/retry"
)

const (
	// How many images are asked for, or get their tags, side by side.
	sideBySide = 8
	// A registry that takes a request and says nothing for so long is asked again.
	silence = 30 * time.Second
	// What registries that count requests ask for at most, as a rule, is a minute.
	longestPause = 2 * time.Minute
)

type registries struct {
	plainHTTP bool
	client    *auth.Client
}

func open(plainHTTP bool, authfile string) (*registries, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = silence
	transport.MaxIdleConnsPerHost = sideBySide
	client := &auth.Client{
		Client: &http.Client{Transport: &retry.Transport{Base: transport, Policy: func() retry.Policy {
			return &retry.GenericPolicy{
				Retryable: worthAnother, Backoff: retry.DefaultBackoff,
				MinWait: 200 * time.Millisecond, MaxWait: longestPause, MaxRetry: 5,
			}
		}}},
		Cache: auth.NewCache(),
	}
	client.SetUserAgent("fairlead")
	if authfile != "" {
		store, err := credentials.NewFileStore(authfile)
		if err != nil {
			return nil, err
		}
		client.Credential = credentialIn(store)
	}
	return &registries{plainHTTP, client}, nil
}

// credentialIn answers what the file has for a host. Docker Hub is registry-1.docker.io to those who ask it, and in the file
// what images are named after.
func credentialIn(store credentials.Store) auth.CredentialFunc {
	byHost := credentials.Credential(store)
	return func(ctx context.Context, host string) (auth.Credential, error) {
		if host == "registry-1.docker.io" {
			if found, err := store.Get(ctx, "docker.io"); err != nil || found != auth.EmptyCredential {
				return found, err
			}
		}
		return byHost(ctx, host)
	}
}

// worthAnother tells whether a request is made again: registries that are busy, and connections that were cut off.
func worthAnother(response *http.Response, err error) (bool, error) {
	var network net.Error
	switch {
	case err == nil:
		return retry.DefaultPredicate(response, nil)
	case errors.Is(err, context.Canceled):
		return false, nil
	case errors.As(err, &network) && network.Timeout():
		return true, nil
	default:
		return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET), nil
	}
}

// at opens the repository of a name: host/path:tag or host/path@digest.
func (all *registries) at(name string) (*remote.Repository, error) {
	repository, err := remote.NewRepository(name)
	if err != nil {
		return nil, err
	}
	repository.PlainHTTP = all.plainHTTP
	repository.Client = all.client
	return repository, nil
}

// digestOf answers what a name leads to; "" where there is no such tag, digest or repository. One request.
func (all *registries) digestOf(ctx context.Context, name string) (digest.Digest, error) {
	repository, err := all.at(name)
	if err != nil {
		return "", err
	}
	found, err := repository.Manifests().Resolve(ctx, repository.Reference.Reference)
	if err != nil && !errors.Is(err, errdef.ErrNotFound) && !answered(err) {
		// A few registries tell no digest without the manifest itself.
		found, _, err = all.manifest(ctx, name)
	}
	if errors.Is(err, errdef.ErrNotFound) {
		return "", nil
	}
	return found.Digest, err
}

// answered tells whether an error is the registry's own word.
func answered(err error) bool {
	var said *errcode.ErrorResponse
	return errors.As(err, &said)
}

// manifest answers what a name leads to and its very bytes, which are checked against the digest.
func (all *registries) manifest(ctx context.Context, name string) (ocispec.Descriptor, []byte, error) {
	repository, err := all.at(name)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	found, body, err := repository.Manifests().FetchReference(ctx, repository.Reference.Reference)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	defer body.Close()
	text, err := content.ReadAll(body, found)
	if err != nil {
		return ocispec.Descriptor{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	return found, text, nil
}
