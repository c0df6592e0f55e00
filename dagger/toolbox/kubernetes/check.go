package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	objectmeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	"k8s.io/kubernetes/pkg/apis/discovery"
	_ "k8s.io/kubernetes/pkg/apis/discovery/install"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/persistentvolumeclaim"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/discovery/endpointslice"
)

// Said is what the API server would say of one object.
type Said struct {
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`
	Errors   []string `json:"errors"`
	Warnings []string `json:"warnings"`
	// Restricted is what the Pod Security Standard of that name forbids; only for what makes pods.
	Restricted []string `json:"restricted"`
}

var strict = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)

func check(text []byte) ([]Said, error) {
	said := []Said{}
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(withoutComments(document))) > 0 {
			said = append(said, checkOne(document))
		}
	}
	if len(said) == 0 {
		return nil, errors.New("there is no object on stdin")
	}
	return said, nil
}

func checkOne(document []byte) Said {
	said := Said{Kind: "?", Errors: []string{}, Warnings: []string{}, Restricted: []string{}}
	versioned, kind, err := strict.UniversalDeserializer().Decode(document, nil, nil)
	if kind != nil {
		said.Kind = kind.Kind
	}
	if err != nil {
		said.Errors = append(said.Errors, err.Error())
		return said
	}
	said.Restricted = append(said.Restricted, restricted(versioned)...)
	// Defaults are set on the way, as the server does.
	object, err := runtime.Decode(strict.UniversalDecoder(), document)
	if err != nil {
		said.Errors = append(said.Errors, err.Error())
		return said
	}
	meta, err := objectmeta.Accessor(object)
	if err != nil {
		said.Errors = append(said.Errors, err.Error())
		return said
	}
	said.Name = meta.GetName()
	strategy, err := strategyOf(object)
	if err != nil {
		said.Errors = append(said.Errors, err.Error())
		return said
	}
	at := context.Background()
	if strategy.NamespaceScoped() {
		at = request.WithNamespace(at, "fleet")
	}
	at = request.WithRequestInfo(at, &request.RequestInfo{
		IsResourceRequest: true, Verb: "create", APIGroup: kind.Group, APIVersion: kind.Version,
	})
	// What the server itself writes into an object before it looks at it.
	rest.FillObjectMetaSystemFields(meta)
	if err := rest.BeforeCreate(strategy, at, object); err != nil {
		said.Errors = append(said.Errors, err.Error())
	}
	said.Warnings = append(said.Warnings, strategy.WarningsOnCreate(at, object)...)
	return said
}

// strategyOf answers the code that the API server runs when an object of this kind is created.
func strategyOf(object runtime.Object) (rest.RESTCreateStrategy, error) {
	switch object.(type) {
	case *apps.Deployment:
		return deployment.Strategy, nil
	case *core.ConfigMap:
		return configmap.Strategy, nil
	case *core.PersistentVolumeClaim:
		return persistentvolumeclaim.Strategy, nil
	case *core.Service:
		return service.Strategy, nil
	case *discovery.EndpointSlice:
		return endpointslice.Strategy, nil
	}
	return nil, fmt.Errorf("%T is nothing that a fleet is rendered as", object)
}

func withoutComments(document []byte) []byte {
	kept := []byte{}
	for _, line := range bytes.Split(document, []byte("\n")) {
		if trimmed := bytes.TrimSpace(line); !bytes.HasPrefix(trimmed, []byte("#")) && !bytes.Equal(trimmed, []byte("---")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

// version is that of the module whose code decides.
func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, each := range info.Deps {
		if each.Path == "k8s.io/kubernetes" {
			return each.Version
		}
	}
	return "unknown"
}
