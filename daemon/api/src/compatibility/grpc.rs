//! What `kontraktor.v1` has, out of its descriptors.

use kontraktor_proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use super::Surface;

fn surface() -> Surface {
    let mut surface = Surface::default();
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    for file in files.file.iter().filter(|file| file.package() == "kontraktor.v1") {
        for message in &file.message_type {
            describe_message(&mut surface, message.name(), message);
        }
        for item in &file.enum_type {
            describe_enum(&mut surface, item.name(), item);
        }
        for service in &file.service {
            for method in &service.method {
                let stream = |streams: bool| if streams { "stream " } else { "" };
                surface.promise(format!(
                    "rpc {}/{} {}{} -> {}{}",
                    service.name(),
                    method.name(),
                    stream(method.client_streaming()),
                    method.input_type(),
                    stream(method.server_streaming()),
                    method.output_type(),
                ));
            }
        }
    }
    surface
}

fn describe_message(surface: &mut Surface, name: &str, message: &DescriptorProto) {
    surface.promise(format!("message {name}"));
    for field in &message.field {
        let oneof = field.oneof_index.filter(|_| !field.proto3_optional());
        let oneof = oneof.and_then(|index| message.oneof_decl.get(usize::try_from(index).ok()?));
        let oneof = oneof.map(|oneof| format!(" in {}", oneof.name())).unwrap_or_default();
        surface.promise(format!(
            "message {name} {} = {} {}{oneof}",
            field.name(),
            field.number(),
            kind(field)
        ));
    }
    for inner in &message.nested_type {
        describe_message(surface, &format!("{name}.{}", inner.name()), inner);
    }
    for inner in &message.enum_type {
        describe_enum(surface, &format!("{name}.{}", inner.name()), inner);
    }
}

fn describe_enum(surface: &mut Surface, name: &str, item: &EnumDescriptorProto) {
    for value in &item.value {
        surface.promise(format!("enum {name} {} = {}", value.name(), value.number()));
    }
}

fn kind(field: &FieldDescriptorProto) -> String {
    let label = match (field.label(), field.proto3_optional()) {
        (Label::Repeated, _) => "repeated ",
        (_, true) => "optional ",
        _ => "",
    };
    match field.r#type() {
        Type::Message | Type::Enum => format!("{label}{}", field.type_name()),
        scalar => format!("{label}{}", scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase()),
    }
}

#[test]
fn the_messages_and_methods_only_grow() {
    surface().assert_only_grow("kontraktor.v1.txt");
}
