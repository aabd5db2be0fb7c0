//! The CustomResourceDefinitions, as an API server takes them.
//!
//! Owns what kube's derive macro leaves open. Must not know what the resources mean.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::CustomResourceExt;
use serde::Serialize;

use super::labels_annotations::{PART_OF, PASEE};
use super::object_name::MAX_OBJECT_NAME;
use super::{Group, Membership, OAuthClient, SessionRevocations, User};

/// The definitions: Group, Membership, User, OAuthClient, SessionRevocations.
#[must_use]
pub fn all() -> [CustomResourceDefinition; 5] {
    let any_name = JSONSchemaProps {
        type_: Some("string".to_owned()),
        max_length: i64::try_from(MAX_OBJECT_NAME).ok(),
        ..JSONSchemaProps::default()
    };
    [Group::crd(), Membership::crd(), User::crd(), OAuthClient::crd(), SessionRevocations::crd()]
        .map(|definition| finish(definition, any_name.clone()))
}

/// Writes definitions, or anything else, as one YAML stream.
///
/// # Errors
/// Never for definitions; for values that YAML cannot hold.
pub fn to_yaml<T: Serialize>(objects: &[T]) -> Result<String, serde_saphyr::SerializeError> {
    serde_saphyr::to_string_multiple(objects)
}

/// Bounds the object's name in the schema itself, without which the API server holds the rules over it for too costly,
/// and takes back that absent fields may also be null.
fn finish(
    mut definition: CustomResourceDefinition,
    name: JSONSchemaProps,
) -> CustomResourceDefinition {
    let part_of = (PART_OF.to_owned(), PASEE.to_owned());
    definition.metadata.labels.get_or_insert_default().extend([part_of]);
    for version in &mut definition.spec.versions {
        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        let Some(schema) = schema else { continue };
        forbid_null(schema);
        schema.title = None; // The kind again.
        let metadata = JSONSchemaProps {
            type_: Some("object".to_owned()),
            properties: Some([("name".to_owned(), name.clone())].into()),
            ..JSONSchemaProps::default()
        };
        schema.properties.get_or_insert_default().insert("metadata".to_owned(), metadata);
    }
    definition
}

fn forbid_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
        .for_each(forbid_null);
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => forbid_null(items),
        Some(JSONSchemaPropsOrArray::Schemas(each)) => each.iter_mut().for_each(forbid_null),
        None => {}
    }
}
