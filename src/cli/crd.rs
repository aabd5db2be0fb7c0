//! `pasee crd`: the custom resource definitions, for `kubectl apply -f -`.

use crate::resources::definition;

pub(super) fn run() -> anyhow::Result<()> {
    super::print(definition::to_yaml(&definition::all())?)
}
