//! `pasee check`: whether the settings file is right, what it means, and whether the files it names can be used.
//!
//! Must not make or change anything: it may run beside the server, or before there is one.

use std::slice;

use anyhow::Error;

use super::{keys, print, report};
use crate::cluster;
use crate::idp::Providers;
use crate::keys::file::Part;
use crate::settings::{IdentityProvider, Protocol, Settings, Tls};
use crate::web::tls;

/// Wrong settings never come here: loading them fails with every mistake.
pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let of_keys = look_at_keys(settings);
    let unshared = of_keys.iter().all(Result::is_ok).then(|| keys::refuse_unshared(settings));
    let unshared = unshared.map(|refused| refused.map(|()| None));
    let webhook = settings.webhook.as_ref().and_then(|webhook| webhook.certified.as_ref());
    let certificates = [look_at_tls(settings.tls.as_ref()), look_at_tls(webhook)];
    let looks = of_keys.into_iter().chain(unshared).chain(certificates);
    let providers = settings.identity_providers.iter().map(look_at_provider);
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for look in looks.chain(providers) {
        match look {
            Ok(Some(file)) => good.push(format!("- {file}\n")),
            Ok(None) => {}
            Err(error) => bad.push(error),
        }
    }
    if !bad.is_empty() {
        let file = settings.file.display();
        return Err(report::all(&format!("{file} names what cannot be used"), &bad));
    }
    print(settings.explain())?;
    if !good.is_empty() {
        print(format_args!("It names these files, and they can be used:\n{}", good.concat()))?;
    }
    Ok(())
}

/// What a look at a file found: nothing to look at, or what it is.
type Look = Result<Option<String>, Error>;

/// The keys that were made at the first start, as far as there are any.
fn look_at_keys(settings: &Settings) -> [Look; 3] {
    if settings.keys.private.is_some() {
        return [const { Ok(None) }; 3];
    }
    let kept = keys::directory(settings);
    let shown = |part| kept.file(part).display().to_string();
    let signing = kept.signing_key().map(|found| {
        let key = found?;
        let (file, algorithm, id) = (shown(Part::SigningKey), key.algorithm(), key.public().id());
        let caveat = algorithm.caveat().map(|caveat| format!(" Mind that {caveat}."));
        let caveat = caveat.unwrap_or_default();
        Some(format!("{file}, the signing key: {algorithm}, key id {id}.{caveat}"))
    });
    let secret = kept.secret().map(|found| {
        let (file, id) = (shown(Part::Secret), found?.id());
        Some(format!("{file}, the secret behind refresh tokens: id {id}."))
    });
    let rsa = kept.rsa_key().map(|found| {
        let (file, id) = (shown(Part::RsaKey), found?.public().id().to_string());
        Some(format!("{file}, the key for what only understands RS256: key id {id}."))
    });
    [signing, rsa, secret].map(|look| look.map_err(Error::from))
}

fn look_at_tls(files: Option<&Tls>) -> Look {
    let Some(files) = files else { return Ok(None) };
    tls::load(&files.certificate, &files.key)?;
    let (certificate, key) = (files.certificate.display(), files.key.display());
    Ok(Some(format!("{certificate} and {key}, the certificate and its key.")))
}

fn look_at_provider(provider: &IdentityProvider) -> Look {
    if !provider.enabled {
        return Ok(None);
    }
    let authorities = match &provider.protocol {
        Protocol::Kubernetes(kubernetes) => {
            let Some(file) = &kubernetes.kubeconfig else { return Ok(None) };
            cluster::look_at(file)?;
            let found = format!("{}, how {} is reached.", file.display(), provider.name);
            return Ok(Some(found));
        }
        Protocol::Kisee(kisee) => &kisee.ca_file,
        Protocol::OAuth1(oauth1) => &oauth1.ca_file,
        Protocol::OAuth2(oauth2) => &oauth2.ca_file,
        Protocol::Oidc(oidc) => &oidc.ca_file,
        Protocol::Pasee(pasee) => &pasee.ca_file,
        Protocol::Ldap(ldap) => &ldap.ca_file,
        Protocol::Local(_) => &None,
    };
    Providers::new(slice::from_ref(provider))?;
    Ok(authorities.as_ref().map(|file| {
        format!("{}, the authorities that {} is believed by.", file.display(), provider.name)
    }))
}
